//! Frozen parts of the frozen document.

use serde_json::{Value, json};
use telesphor_clinical::contact::HOLDER_EXTENSION;
use telesphor_clinical::fields::path;
use telesphor_clinical::fields::units::FHIR_R4_BUNDLES;
use telesphor_clinical::presentation::{
    Audience, Nonce, Shower, ShowerSaid, ShownBy, ToShow, parts_hash, present,
};
use telesphor_clinical::text::Text;
use telesphor_wire::canonical::encode;
use telesphor_wire::ext::Extension;
use telesphor_wire::hash::Digest;

use super::{BODY, at, document, hex_of, id, key};

/// Parts of the document above, shown by its holder.
pub fn parts() -> Vec<(&'static str, Value)> {
    let document = document();
    let holder = key(6);
    let shower = Shower {
        key: &holder,
        identity: id(1),
        head: Digest([5; 32]),
    };
    let wanted = [
        path::parse("dosageInstruction[1]").unwrap(),
        path::parse("authoredOn").unwrap(),
    ];
    let show = ToShow {
        wanted: &wanted,
        audience: Audience::Identity(id(9)),
        nonce: Nonce::Own(Digest([8; 32])),
        date: at(1_795_176_000_000),
        sender: Some(id(1)),
    };
    let presentation = present(&document, &shower, show).unwrap();
    let to_name = ShownBy::Identity(ShowerSaid {
        identity: id(1),
        head: Digest([2; 32]),
        endpoint: key(4).public(),
    });
    let fields = telesphor_clinical::fields::root(BODY.as_bytes(), &document.seed, FHIR_R4_BUNDLES).unwrap();
    vec![
        ("presentation", hex_of(&presentation)),
        (
            "presented-parts",
            json!(hex::encode(parts_hash(&presentation.parts).0)),
        ),
        ("presentation-showing", hex_of(&presentation.showing)),
        ("presentation-shower", hex_of(&to_name)),
        (
            "presentation-audience-named",
            hex_of(&Audience::Named(Text::from("pharmacy"))),
        ),
        ("presentation-nonce-asked", hex_of(&Nonce::Asked(Text::from("q")))),
        ("fields-root-table-2", hex_of(&fields)),
        ("holder-extension", hex_of(&contact_holder())),
    ]
}

/// The holder key as it stands in a contact record.
fn contact_holder() -> Extension {
    Extension {
        id: HOLDER_EXTENSION,
        critical: false,
        body: encode(&key(6).public()).into(),
    }
}
