//! Every parser of the words outside the seal. Each function takes any bytes, must not
//! panic, and checks that what is accepted has one form only.

use serde::{Serialize, de::DeserializeOwned};
use telesphor_wire::blob::call::{BlobAnswer, BlobCall};
use telesphor_wire::blob::chunk::{ChunkCipher, Content};
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::domain::{AdmissionLink, SignedDomainRecord};
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::ask::Ask;
use telesphor_wire::forward::outbox::{News, Passing};
use telesphor_wire::forward::reply::{ForwardedReply, Told};
use telesphor_wire::forward::word::SignedWord;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{Cursor, Event, Genesis, Policy};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::records::{DeliveryRecord, RecordsPage, SealedRecord, key_of};
use telesphor_wire::session::{ClientFrame, Page, RelayFrame, SessionProof, SingleCall};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::{Address, Domain, SupportCode};
use telesphor_wire::{batch::Batch, padding};

fn one_form<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<T> {
    let value: T = canonical::decode(bytes).ok()?;
    assert_eq!(
        canonical::encode(&value),
        bytes,
        "accepted in a form that is not canonical"
    );
    Some(value)
}

/// Frames of both directions, and the bodies of HTTP calls.
pub fn frames(bytes: &[u8]) {
    one_form::<ClientFrame>(bytes);
    one_form::<RelayFrame>(bytes);
    one_form::<SingleCall>(bytes);
    one_form::<SessionProof>(bytes);
    one_form::<Page>(bytes);
    one_form::<SignedDomainRecord>(bytes).map(|r| r.verify().is_ok());
}

/// Commands, and the batches that carry them.
pub fn commands(bytes: &[u8]) {
    if let Some(command) = one_form::<Command>(bytes) {
        let _ = (
            command.mailbox(),
            command.id(),
            command.not_after(),
            command.body_hash(),
        );
    }
    one_form::<Batch>(bytes);
    one_form::<Genesis>(bytes);
}

/// Receipts and events, with what a reader does to them.
pub fn receipts(bytes: &[u8]) {
    if let Some(receipt) = one_form::<Receipt>(bytes) {
        let relays: Vec<PublicKey> = receipt.attests.iter().map(|a| a.relay).collect();
        let _ = receipt.verify(&relays, 1);
    }
    if let Some(event) = one_form::<Event>(bytes) {
        let hash = event.payload_hash;
        let _ = Cursor {
            seq: event.header.seq.wrapping_sub(1),
            hash,
        }
        .advance(&event);
    }
    let _ = padding::unpad(bytes);
}

/// Delivery records: as the relay keeps them, as the owner reads them, and the key in a policy.
pub fn records(bytes: &[u8]) {
    one_form::<RecordsPage>(bytes);
    one_form::<SealedRecord>(bytes).map(|sealed| sealed.has_its_size());
    if let Some(policy) = one_form::<Policy>(bytes) {
        let _ = key_of(&policy);
    }
    // Inside the seal: padded, and as the content itself, so that a mutation gets past the padding.
    let _ = DeliveryRecord::from_padded(bytes);
    if let Ok(padded) = padding::pad(padding::Bucket::Message, bytes)
        && let Ok(record) = DeliveryRecord::from_padded(&padded)
    {
        assert_eq!(canonical::encode(&record), bytes, "accepted in another form");
    }
}

/// Requests for another domain and their answers, as they travel, as they lie in an outbox, and inside the seal.
pub fn forwards(bytes: &[u8]) {
    one_form::<Forwarded>(bytes).map(|request| (request.has_a_size(), request.digest()));
    one_form::<ForwardedReply>(bytes);
    one_form::<Passing>(bytes);
    one_form::<News>(bytes).map(|news| news.of());
    one_form::<SignedWord>(bytes);
    one_form::<Ask>(bytes).map(|ask| ask.wish.is_forwardable());
    one_form::<Told>(bytes);
}

/// Calls about large content and their answers, lists of chunk hashes, and chunks.
pub fn blobs(bytes: &[u8]) {
    if let Some(call) = one_form::<BlobCall>(bytes) {
        let _ = (call.request.mailbox(), call.bound());
    }
    one_form::<BlobAnswer>(bytes);
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let length = u64::from(u32::from_be_bytes(*length));
    // As a list: whatever it leads to is its address, and no other.
    let (entries, _) = rest.as_chunks::<32>();
    let list = entries.iter().map(|e| Digest(*e)).collect();
    if let Ok(hashes) = ChunkHashes::new(length, list) {
        let again = ChunkHashes::from_bytes(length, &hashes.address(), &hashes.to_bytes());
        assert_eq!(again.as_ref(), Ok(&hashes));
        assert!(ChunkHashes::from_bytes(length, &Digest([0; 32]), &hashes.to_bytes()).is_err());
        let _ = hashes.fits(0, rest);
    }
    // As a chunk: nothing opens that was not sealed.
    if let Ok(cipher) = ChunkCipher::new(&Secret::new([7; 32]), length) {
        assert!(cipher.open(0, &mut rest.to_vec()).is_err());
    }
    if let Ok(mut content) = Content::new(length, length.next_power_of_two()) {
        let _ = content.take(rest).map(<[u8]>::len);
        let _ = content.finish();
    }
}

/// What people copy, print and scan.
pub fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    fn again<T: std::str::FromStr + std::fmt::Display>(text: &str) {
        if let Ok(value) = text.parse::<T>() {
            let written = value.to_string();
            assert!(written.parse::<T>().is_ok(), "written in a form that is not read");
            assert!(written.is_ascii());
        }
    }
    again::<IdentityId>(text);
    again::<MailboxId>(text);
    again::<DocumentId>(text);
    again::<PublicKey>(text);
    again::<Domain>(text);
    again::<Address>(text);
    again::<SupportCode>(text);
    if let Ok(link) = AdmissionLink::from_text(text) {
        assert_eq!(AdmissionLink::from_text(&link.to_text()), Ok(link));
    }
}
