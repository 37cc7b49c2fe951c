//! Making a token from a document.
//!
//! ```text
//! { "iss", "iat", "_sd_alg", "cnf", "signed_by", "author", "note",
//!   "resource": { guards in clear, "_sd": [one digest for each member, and decoys] } }
//! ```
//! A list is a member whose value holds one digest for each element, and decoys behind them, so
//! its length does not show. What is cut further (`item`, `contained`, entries of a Bundle) is an
//! object of the same form.

use std::collections::BTreeSet;

use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::jws::{JwsKey, base64url};

use super::{SdJwt, digest};
use crate::fields::{Leaf, LeafKind, Path, Step};

/// Who signs the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// Whoever wrote the document.
    Author,
    /// Whoever holds it.
    Holder,
}

impl SignedBy {
    /// The word in the token.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Holder => "holder",
        }
    }

    const fn note(self) -> &'static str {
        match self {
            Self::Author => "Signed in this form by the author of the document.",
            Self::Holder => {
                "Signed in this form by its holder. The author's own signature is not in this form and does not cover it."
            }
        }
    }
}

/// What the token says beside the document.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// Who signs it.
    pub by: SignedBy,
    /// The signer.
    pub issuer: IdentityId,
    /// Who wrote the document.
    pub author: IdentityId,
    /// Now, Unix seconds.
    pub at: u64,
    /// The reader and the question it answers: then it is bound to the signer's key.
    pub bound: Option<(&'a str, &'a str)>,
}

/// A token, and what stands behind it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// With the chosen disclosures.
    pub token: SdJwt,
    /// All disclosures that there are.
    pub all: usize,
}

/// Makes a token that discloses the leaves at `chosen` paths.
pub fn issue(leaves: &[Leaf], chosen: &BTreeSet<Path>, terms: &Terms<'_>, key: &JwsKey) -> Issued {
    let mut maker = Maker {
        leaves,
        chosen,
        shown: Vec::new(),
        all: 0,
    };
    let resource = maker.resource(&Path::new());
    let key_jwk = key.public().jwk();
    let binding_claim = terms
        .bound
        .map_or_else(String::new, |_| format!(r#""cnf":{{"jwk":{key_jwk}}},"#));
    let payload = format!(
        r#"{{"iss":{},"iat":{},"_sd_alg":"sha-256",{binding_claim}"signed_by":"{}","author":{},"note":{},"resource":{resource}}}"#,
        quoted(&terms.issuer.to_string()),
        terms.at,
        terms.by.word(),
        quoted(&terms.author.to_string()),
        quoted(terms.by.note()),
    );
    let header = format!(r#"{{"alg":"EdDSA","typ":"telesphor+sd-jwt","jwk":{key_jwk}}}"#);
    let mut token = SdJwt {
        token: key.sign(&header, &payload),
        disclosures: maker.shown,
        binding: None,
    };
    if let Some((reader, question)) = terms.bound {
        let said = format!(
            r#"{{"iat":{},"aud":{},"nonce":{},"sd_hash":"{}"}}"#,
            terms.at,
            quoted(reader),
            quoted(question),
            digest(&token.to_text())
        );
        token.binding = Some(key.sign(r#"{"alg":"EdDSA","typ":"kb+jwt"}"#, &said));
    }
    Issued {
        token,
        all: maker.all,
    }
}

struct Maker<'a> {
    leaves: &'a [Leaf],
    chosen: &'a BTreeSet<Path>,
    shown: Vec<String>,
    all: usize,
}

impl Maker<'_> {
    /// A resource: an object with a guard, or one unit.
    fn resource(&mut self, at: &Path) -> String {
        let whole = self
            .leaves
            .iter()
            .find(|l| l.kind == LeafKind::Unit && l.path == *at);
        match whole {
            Some(leaf) => raw(leaf, 0).to_owned(),
            None => self.object(at),
        }
    }

    fn object(&mut self, at: &Path) -> String {
        let leaves = self.leaves;
        let mut members: Vec<String> = Vec::new();
        let mut digests = Vec::new();
        for leaf in leaves.iter().filter(|l| l.path.starts_with(at)) {
            let rest = leaf.path.get(at.len()..).unwrap_or_default();
            match (rest, leaf.kind) {
                ([], LeafKind::Guard) => {
                    members.extend((0..leaf.content.len()).map(|i| member(leaf, i)));
                }
                ([Step::Name(_)], LeafKind::Unit) => {
                    for i in 0..leaf.content.len() {
                        let value = raw(leaf, i).to_owned();
                        digests.push(self.disclose(&leaf.path, Some(name(leaf, i)), &value));
                    }
                }
                ([Step::Name(list)], LeafKind::ArrayLength) => {
                    let value = self.list(&leaf.path);
                    digests.push(self.disclose(&leaf.path, Some(list), &value));
                }
                // A resource of its own, in an entry of a Bundle.
                ([Step::Name(nested)], LeafKind::Guard) => {
                    let value = self.object(&leaf.path);
                    digests.push(self.disclose(&leaf.path, Some(nested), &value));
                }
                _ => {}
            }
        }
        pad(&mut digests);
        digests.sort_unstable();
        members.push(format!(r#""_sd":["{}"]"#, digests.join(r#"",""#)));
        format!("{{{}}}", members.join(","))
    }

    fn list(&mut self, at: &Path) -> String {
        let leaves = self.leaves;
        let elements: BTreeSet<u32> = leaves
            .iter()
            .filter(|l| l.path.starts_with(at))
            .filter_map(|l| match l.path.get(at.len()) {
                Some(Step::Index(i)) => Some(*i),
                _ => None,
            })
            .collect();
        let mut digests = Vec::new();
        for i in elements {
            let mut path = at.clone();
            path.push(Step::Index(i));
            let value = self.resource(&path);
            digests.push(self.disclose(&path, None, &value));
        }
        pad(&mut digests);
        let items: Vec<String> = digests.iter().map(|d| format!(r#"{{"...":"{d}"}}"#)).collect();
        format!("[{}]", items.join(","))
    }

    /// A disclosure; kept if anything at its path or below is chosen. Gives its digest.
    fn disclose(&mut self, path: &Path, name: Option<&str>, value: &str) -> String {
        self.all += 1;
        let secret = Secret::random();
        let salt = base64url(secret.expose().get(..16).unwrap_or_default());
        let text = match name {
            Some(name) => format!(r#"["{salt}",{},{value}]"#, quoted(name)),
            None => format!(r#"["{salt}",{value}]"#),
        };
        let disclosure = base64url(text.as_bytes());
        let digest = digest(&disclosure);
        let below = self
            .chosen
            .range(path.clone()..)
            .next()
            .is_some_and(|c| c.starts_with(path));
        if below {
            self.shown.push(disclosure);
        }
        digest
    }
}

fn raw(leaf: &Leaf, i: usize) -> &str {
    leaf.content
        .get(i)
        .and_then(|(_, raw)| std::str::from_utf8(raw).ok())
        .unwrap_or("null")
}

fn name(leaf: &Leaf, i: usize) -> &str {
    leaf.content.get(i).map_or("", |(name, _)| name.as_str())
}

fn member(leaf: &Leaf, i: usize) -> String {
    format!("{}:{}", quoted(name(leaf, i)), raw(leaf, i))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Decoys up to the next of 4, 8, 16 ...
fn pad(digests: &mut Vec<String>) {
    let size = digests.len().next_power_of_two().max(4);
    while digests.len() < size {
        digests.push(base64url(Secret::random().expose()));
    }
}
