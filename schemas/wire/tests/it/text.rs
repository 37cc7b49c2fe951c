use telesphor_wire::canonical;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::limits;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::{self, Address, Domain, SupportCode, TextError};

use crate::support::samples::{admission_link, domain, public};

#[test]
fn one_wrong_letter_names_something_else() {
    let id = IdentityId([0x5a; 32]);
    let good = id.to_string();
    assert_eq!(good.parse::<IdentityId>(), Ok(id));
    assert_eq!(
        good.to_uppercase().parse::<IdentityId>(),
        Ok(id),
        "QR codes write capitals"
    );
    assert_eq!(format!(" {good}\n").parse::<IdentityId>(), Ok(id));
    for at in 0..good.len() {
        for letter in "qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio".chars() {
            let mut wrong: Vec<char> = good.chars().collect();
            if wrong[at] == letter {
                continue;
            }
            wrong[at] = letter;
            let wrong: String = wrong.into_iter().collect();
            assert!(wrong.parse::<IdentityId>().is_err(), "{wrong}");
        }
        assert!(good[..at].parse::<IdentityId>().is_err(), "cut at {at}");
    }
    let mixed = good.replacen('l', "L", 1);
    assert!(
        mixed.parse::<IdentityId>().is_err(),
        "capitals and small letters mixed"
    );
}

#[test]
fn a_mailbox_is_taken_for_an_identity() {
    let texts = [
        IdentityId([1; 32]).to_string(),
        MailboxId([1; 32]).to_string(),
        DocumentId([1; 32]).to_string(),
        public(1).to_string(),
    ];
    for (i, t) in texts.iter().enumerate() {
        let taken = [
            t.parse::<IdentityId>().is_ok(),
            t.parse::<MailboxId>().is_ok(),
            t.parse::<DocumentId>().is_ok(),
            t.parse::<PublicKey>().is_ok(),
        ];
        assert_eq!(taken.iter().filter(|t| **t).count(), 1);
        assert!(taken[i]);
    }
    assert!(
        matches!(texts[1].parse::<IdentityId>(), Err(TextError::WrongKind { .. })),
        "says what it is not"
    );
    let short = text::encode("tel", &[1; 31]);
    assert!(short.parse::<IdentityId>().is_err());
}

/// 32 bytes leave four bits over in the last letter; only zeros are the one form.
#[test]
fn one_value_has_two_texts() {
    use bech32::{Bech32m, Fe32, Fe32IterExt, Hrp, primitives::iter::ByteIterExt};
    let mut letters: Vec<Fe32> = [1u8; 32].iter().copied().bytes_to_fes().collect();
    let hrp = Hrp::parse("tel").unwrap();
    let text = |letters: &[Fe32]| -> String {
        letters
            .iter()
            .copied()
            .with_checksum::<Bech32m>(&hrp)
            .chars()
            .collect()
    };
    assert_eq!(text(&letters), IdentityId([1; 32]).to_string());
    let last = letters.pop().unwrap();
    letters.push(Fe32::try_from(last.to_u8() | 1).unwrap());
    let other = text(&letters);
    assert!(other.parse::<IdentityId>().is_err(), "{other} also names it");
}

#[test]
fn a_long_link_panics_or_is_lost() {
    let long: Domain = format!("{}{}", format!("{}.", "a".repeat(63)).repeat(3), "b".repeat(61))
        .parse()
        .unwrap();
    assert_eq!(long.as_str().len(), limits::MAX_DOMAIN_BYTES);
    let link = AdmissionLink {
        address: format!("{long}:65535"),
        domain: long,
        ..admission_link()
    };
    assert_eq!(AdmissionLink::from_text(&link.to_text()), Ok(link.clone()));
    // A relay's address beyond the limit is not read back, and never a panic.
    let longer = AdmissionLink {
        address: "x".repeat(100_000),
        ..link
    };
    assert!(AdmissionLink::from_text(&longer.to_text()).is_err());
    let address = AdmissionLink {
        address: "x".repeat(limits::MAX_ADDRESS_BYTES + 1),
        ..admission_link()
    };
    assert!(AdmissionLink::from_text(&address.to_text()).is_err());
    assert!(canonical::decode::<AdmissionLink>(&canonical::encode(&address)).is_err());
}

#[test]
fn a_link_without_its_scheme_is_refused() {
    let link = admission_link();
    let text = link.to_text();
    assert_eq!(AdmissionLink::from_text(&text), Ok(link.clone()));
    assert_eq!(
        AdmissionLink::from_text(text.strip_prefix("telesphor-join:").unwrap()),
        Ok(link)
    );
    for wrong in [
        "",
        "telesphor-join:",
        "telesphor-join:teljoin1",
        &IdentityId([1; 32]).to_string(),
        &text[..text.len() - 1],
    ] {
        assert!(AdmissionLink::from_text(wrong).is_err());
    }
}

#[test]
fn an_address_loses_a_part() {
    for deposit_key in [None, Some(public(5))] {
        let address = Address {
            identity: IdentityId([7; 32]),
            domain: domain(),
            deposit_key,
        };
        assert_eq!(address.to_string().parse::<Address>(), Ok(address));
    }
    let id = IdentityId([7; 32]);
    for wrong in [
        String::new(),
        format!("{id}@st-marien.example"),
        format!("telesphor:{id}"),
        format!("telesphor:{id}@"),
        format!("telesphor:{id}@st-marien.example?"),
        format!("telesphor:{id}@ST-MARIEN.example"),
        format!("telesphor:{}@st-marien.example", public(1)),
        format!("telesphor:{id}@st-marien.example?{id}"),
    ] {
        assert!(wrong.parse::<Address>().is_err(), "{wrong}");
    }
}

#[test]
fn a_domain_name_carries_something_else() {
    for good in [
        "a",
        "st-marien.example",
        "x1.y2",
        &["a".repeat(63), "b".into()].join("."),
    ] {
        assert_eq!(good.parse::<Domain>().unwrap().as_str(), good);
    }
    for wrong in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "A",
        "a b",
        "a_b",
        "-a",
        "a-",
        "ä",
        "a/b",
        "a\n",
        &"a".repeat(64),
        &["a"; 128].join("."),
    ] {
        assert!(wrong.parse::<Domain>().is_err(), "{wrong}");
        assert!(
            canonical::decode::<Domain>(&canonical::encode(wrong)).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_support_code_read_over_the_phone_is_lost() {
    let code: SupportCode = "7KQ-2M4".parse().unwrap();
    assert_eq!(code.to_string(), "7KQ-2M4");
    for said in ["7kq2m4", " 7KQ-2M4 ", "7kq-2m4"] {
        assert_eq!(said.parse(), Ok(code));
    }
    assert_eq!("OIL-000".parse::<SupportCode>(), "011-000".parse());
    for wrong in [
        "",
        "7KQ-2M",
        "7KQ-2M44",
        "7KU-2M4",
        "7KQ_2M4",
        "7KQ-2Mé",
        "ääääää",
    ] {
        assert!(wrong.parse::<SupportCode>().is_err(), "{wrong}");
    }
    for _ in 0..200 {
        let code = SupportCode::random();
        assert_eq!(code.to_string().parse(), Ok(code));
        assert_eq!(canonical::decode(&canonical::encode(&code)), Ok(code));
    }
    assert!(
        canonical::decode::<SupportCode>(&canonical::encode(&(1u32 << 30))).is_err(),
        "31 bits"
    );
}
