//! Prescriptions: amounts, days, and what is refused.

use proptest::prelude::*;
use telesphor_clinical::rx::*;
use telesphor_clinical::rx_word::{PaperError, RxPaper};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{EntryId, Nonce};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::SigningKey;

const NOW: u64 = 1_800_000_000_000;
const DAY: u64 = 24 * 3600 * 1000;

fn prescription() -> Prescription {
    let mut rx = Prescription {
        version: 1,
        domain: "hospital-a.example".parse().unwrap(),
        entry: EntryId([0; 32]),
        salt: Nonce([1; 32]),
        holder: SigningKey::from_seed(&Secret::new([2; 32])).public(),
        holder_nonce: Nonce([3; 32]),
        cancel: Digest([4; 32]),
        medicine: "Amoxicillin 500 mg, capsules".into(),
        dosage: "one three times a day".into(),
        unit: "capsules".into(),
        scale: 0,
        total: 30,
        portions: (0..3)
            .map(|n| Portion {
                from: NOW + n * 28 * DAY,
                units: 10,
            })
            .collect(),
        valid_from: NOW,
        valid_until: NOW + 365 * DAY,
        keep_minutes: 30,
        offline: 1,
        ext: Extensions::none(),
    };
    rx.entry = rx.statement().id();
    rx
}

#[test]
fn a_prescription_whose_numbers_do_not_fit_is_taken() {
    let good = prescription();
    assert_eq!(Prescription::from_bytes(&good.to_bytes()), Ok(good.clone()));
    let spoils: [fn(&mut Prescription); 12] = [
        |rx| rx.total = 0,
        |rx| rx.total = 1_000_001,
        |rx| rx.scale = 5,
        |rx| rx.offline = 31,
        |rx| rx.portions[0].units = 11,
        |rx| rx.portions[1].from = NOW,
        |rx| rx.valid_until = rx.valid_from,
        |rx| rx.valid_until += 1,
        |rx| rx.portions[2].from = rx.valid_until + 1,
        |rx| rx.keep_minutes = 24 * 60 + 1,
        |rx| rx.medicine = "".into(),
        |rx| rx.salt = Nonce([9; 32]),
    ];
    for (n, spoil) in spoils.iter().enumerate() {
        let mut rx = good.clone();
        spoil(&mut rx);
        assert!(Prescription::from_bytes(&rx.to_bytes()).is_err(), "number {n}");
    }
    let newer = Prescription {
        ext: Extensions::none().with(Extension {
            id: 9,
            critical: true,
            body: Bytes::default(),
        }),
        ..good
    };
    assert!(Prescription::from_bytes(&newer.to_bytes()).is_err());
}

#[test]
fn a_portion_is_due_before_its_day() {
    let rx = prescription();
    for (day, due) in [(0, 10), (27, 10), (28, 20), (56, 30), (300, 30)] {
        assert_eq!(rx.due(NOW + day * DAY), due, "day {day}");
    }
    assert_eq!(rx.due(NOW - 1), 0);
    assert_eq!(rx.next_due(NOW), Some(NOW + 28 * DAY));
    assert_eq!(rx.next_due(NOW + 56 * DAY), None);
}

#[test]
fn an_amount_is_read_as_another() {
    for (text, scale, units) in [
        ("14", 0, Some(14)),
        ("1.5", 1, Some(15)),
        ("1", 1, Some(10)),
        ("0.05", 2, Some(5)),
        ("1.50", 1, None),
        ("1.", 1, None),
        (".5", 1, None),
        ("1,5", 1, None),
        ("-1", 0, None),
        ("+1", 0, None),
        ("", 0, None),
        ("5000000000", 0, None),
        ("4294967296", 0, None),
    ] {
        assert_eq!(parse_amount(text, scale), units, "{text} with {scale} places");
    }
    assert_eq!(show_amount(15, 1), "1.5");
    assert_eq!(show_amount(5, 2), "0.05");
    assert_eq!(show_amount(150, 2), "1.5");
}

#[test]
fn a_damaged_file_is_taken_for_a_prescription() {
    let paper = RxPaper {
        version: 1,
        tel: Bytes(b"tel".to_vec()),
        ticket: None,
        holder: Some(Secret::new([5; 32])),
        ext: Extensions::none(),
    };
    let file = paper.to_file();
    assert_eq!(RxPaper::from_file(&file).as_ref(), Ok(&paper));
    assert_eq!(RxPaper::from_file(&file[1..]), Err(PaperError::Magic));
    let unix = String::from_utf8_lossy(&file).replace("\r\n", "\n");
    assert!(RxPaper::from_file(unix.as_bytes()).is_err());
    assert!(matches!(
        RxPaper::from_file(&[&file[..], &[0]].concat()),
        Err(PaperError::Form(_))
    ));
    let newer = RxPaper { version: 2, ..paper };
    assert_eq!(RxPaper::from_file(&newer.to_file()), Err(PaperError::Newer));
}

proptest! {
    #[test]
    fn an_amount_that_is_shown_is_read_as_another(units: u32, scale in 0u8..=4) {
        prop_assert_eq!(parse_amount(&show_amount(units, scale), scale), Some(units));
    }

    #[test]
    fn units_and_parts_do_not_meet_again(total in 1u32..=1_000_000, units in 0u32..=1_000_000) {
        let units = units.min(total);
        let parts = parts_of(units, total);
        prop_assert!(parts <= RX_PARTS);
        prop_assert_eq!(units_of(RX_PARTS - parts, total), total - units);
    }
}
