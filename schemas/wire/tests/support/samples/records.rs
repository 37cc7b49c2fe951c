//! Delivery records, and the frames that carry them.

use telesphor_wire::records::*;

use super::every::{Sample, sample};
use super::*;

pub fn delivery_record() -> DeliveryRecord {
    DeliveryRecord {
        mailbox: mailbox_id(),
        right: Right::Read,
        branch: 1,
        epoch: 9,
        key: public(13),
        session: Nonce([0xd2; 32]),
        ranges: vec![Range { from: 3, to: 5 }, Range { from: 9, to: 9 }],
        payloads: 4,
        first: NOW,
        last: NOW + 250,
        ext: Extensions::none(),
    }
}

pub fn records_page() -> RecordsPage {
    RecordsPage {
        records: vec![SealedRecord {
            number: 3,
            sealed: Sealed {
                enc: Bytes(vec![1; 4]),
                ciphertext: Bytes(vec![2; 20]),
            },
        }],
        first: 2,
        newest: 3,
        kept: true,
        torn: NOW,
        ext: Extensions::none(),
    }
}

pub fn records_asked() -> ClientFrame {
    ClientFrame::FetchRecords(FetchRecords {
        handle: 1,
        after: 2,
        max_records: 64,
    })
}

pub fn records_answers() -> [(&'static str, RelayFrame); 2] {
    let answer = |refused, page| {
        RelayFrame::Records(Records {
            handle: 1,
            refused,
            page,
        })
    };
    [
        ("records", answer(None, Some(records_page()))),
        (
            "records-refused",
            answer(Some(Refusal::of(ErrorCode::Refused)), None),
        ),
    ]
}

pub fn records_structures() -> Vec<Sample> {
    vec![
        sample("delivery-record", &delivery_record()),
        sample("policy-with-records-key", &with_key(policy(), &sealing())),
        sample("records-page", &records_page()),
        sample(
            "single-call-records",
            &single(SingleRequest::Records(RecordsRequest {
                mailbox: mailbox_id(),
                after: 2,
                max_records: 64,
            })),
        ),
    ]
}
