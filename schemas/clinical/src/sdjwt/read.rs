//! Reading a token: RFC 9901, section 7.1.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use telesphor_wire::jws::{BadJws, JwsPublic, from_base64url};

use super::{MAX_DEPTH, MAX_DISCLOSURES, digest};
use crate::fields::json;
use crate::limits::MAX_INTAKE_BYTES;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdJwtError {
    /// Not in this form.
    #[error("not an SD-JWT: {0}")]
    Form(&'static str),
    /// A hash that is not known.
    #[error("made with a hash that is not known here")]
    Hash,
    /// The signature.
    #[error(transparent)]
    Signature(#[from] BadJws),
    /// The key binding.
    #[error("not shown by the one whose key it names, or for another reader or occasion")]
    Binding,
}

/// A token, taken apart and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdJwt {
    /// The issuer's signed token.
    pub token: String,
    /// The disclosures, as they stand.
    pub disclosures: Vec<String>,
    /// The key binding token.
    pub binding: Option<String>,
}

impl SdJwt {
    /// Takes a token in compact form apart.
    ///
    /// # Errors
    /// [`SdJwtError::Form`].
    pub fn parse(text: &str) -> Result<Self, SdJwtError> {
        let mut parts = text.trim().split('~');
        let token = parts.next().unwrap_or_default().to_owned();
        let mut rest: Vec<String> = parts.map(str::to_owned).collect();
        let last = rest.pop().ok_or(SdJwtError::Form("no disclosures, and no end"))?;
        if token.split('.').count() != 3 {
            return Err(SdJwtError::Form("no signed token"));
        }
        if rest.len() > MAX_DISCLOSURES || rest.iter().any(String::is_empty) {
            return Err(SdJwtError::Form("disclosures"));
        }
        Ok(Self {
            token,
            disclosures: rest,
            binding: (!last.is_empty()).then_some(last),
        })
    }

    /// The token in compact form.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}~", self.token);
        for disclosure in &self.disclosures {
            text.push_str(disclosure);
            text.push('~');
        }
        text.push_str(self.binding.as_deref().unwrap_or_default());
        text
    }

    /// What the issuer's header says; not believed before the signature is checked.
    ///
    /// # Errors
    /// [`SdJwtError::Form`].
    pub fn header(&self) -> Result<Value, SdJwtError> {
        object(&self.token, 0)
    }

    /// The claims with everything that is disclosed in its place. The caller has checked the
    /// issuer's signature: with [`SdJwt::verified`], or as its algorithm asks.
    ///
    /// # Errors
    /// [`SdJwtError`].
    pub fn claims(&self) -> Result<Value, SdJwtError> {
        let payload = object(&self.token, 1)?;
        let hash = payload.get("_sd_alg").map(Value::as_str);
        if !matches!(hash, None | Some(Some("sha-256"))) {
            return Err(SdJwtError::Hash);
        }
        let mut open = Opened::default();
        for disclosure in &self.disclosures {
            let value = json_of(disclosure)?;
            let Value::Array(items) = value else {
                return Err(SdJwtError::Form("a disclosure that is no list"));
            };
            if open.waiting.insert(digest(disclosure), items).is_some() {
                return Err(SdJwtError::Form("a disclosure twice"));
            }
        }
        let mut claims = open.value(payload, 0)?;
        if !open.waiting.is_empty() {
            return Err(SdJwtError::Form("a disclosure that belongs nowhere"));
        }
        if let Value::Object(members) = &mut claims {
            members.remove("_sd_alg");
        }
        Ok(claims)
    }

    /// [`SdJwt::claims`] under a key, with the key binding checked if `reader` and `question` are
    /// given.
    ///
    /// # Errors
    /// [`SdJwtError`].
    pub fn verified(&self, key: &JwsPublic, expected: Option<(&str, &str)>) -> Result<Value, SdJwtError> {
        if self.header()?.get("alg").and_then(Value::as_str) != Some("EdDSA") {
            return Err(SdJwtError::Form("another algorithm than EdDSA"));
        }
        key.verify(&self.token)?;
        let claims = self.claims()?;
        if let Some((reader, question)) = expected {
            let binding = self.binding.as_deref().ok_or(SdJwtError::Binding)?;
            let holder = claims
                .get("cnf")
                .and_then(|c| c.get("jwk")?.get("x")?.as_str())
                .ok_or(SdJwtError::Binding)?;
            JwsPublic::from_x(holder)?.verify(binding)?;
            let said = object(binding, 1)?;
            let text = |name: &str| said.get(name).and_then(Value::as_str);
            let mut unbound = self.clone();
            unbound.binding = None;
            let fits = object(binding, 0)?.get("typ").and_then(Value::as_str) == Some("kb+jwt")
                && text("aud") == Some(reader)
                && text("nonce") == Some(question)
                && text("sd_hash") == Some(digest(&unbound.to_text()).as_str());
            if !fits {
                return Err(SdJwtError::Binding);
            }
        }
        Ok(claims)
    }
}

fn object(token: &str, part: usize) -> Result<Value, SdJwtError> {
    let text = token.split('.').nth(part).unwrap_or_default();
    match json_of(text)? {
        value @ Value::Object(_) => Ok(value),
        _ => Err(SdJwtError::Form("a token that is no object")),
    }
}

/// JSON behind base64url; names that stand twice are refused, as everywhere.
fn json_of(text: &str) -> Result<Value, SdJwtError> {
    let bytes = from_base64url(text).map_err(|_| SdJwtError::Form("not base64url"))?;
    json::scan(&bytes, MAX_INTAKE_BYTES).map_err(|_| SdJwtError::Form("not acceptable JSON"))?;
    serde_json::from_slice(&bytes).map_err(|_| SdJwtError::Form("not JSON"))
}

#[derive(Default)]
struct Opened {
    /// Disclosures by digest, not used yet.
    waiting: BTreeMap<String, Vec<Value>>,
    /// Digests met so far: each may stand once.
    met: BTreeSet<String>,
}

impl Opened {
    fn take(&mut self, digest: &str) -> Result<Option<Vec<Value>>, SdJwtError> {
        if !self.met.insert(digest.to_owned()) {
            return Err(SdJwtError::Form("a digest twice"));
        }
        Ok(self.waiting.remove(digest))
    }

    fn value(&mut self, value: Value, depth: usize) -> Result<Value, SdJwtError> {
        if depth > MAX_DEPTH {
            return Err(SdJwtError::Form("nested too deeply"));
        }
        match value {
            Value::Object(members) => self.object(members, depth),
            Value::Array(items) => self.array(items, depth),
            plain => Ok(plain),
        }
    }

    fn object(&mut self, members: Map<String, Value>, depth: usize) -> Result<Value, SdJwtError> {
        let mut out = Map::new();
        let mut hidden = Vec::new();
        for (name, value) in members {
            match (name.as_str(), value) {
                ("_sd", Value::Array(digests)) => hidden = digests,
                ("_sd" | "...", _) => return Err(SdJwtError::Form("a reserved name")),
                (_, value) => {
                    out.insert(name, self.value(value, depth + 1)?);
                }
            }
        }
        for digest in hidden {
            let Value::String(digest) = digest else {
                return Err(SdJwtError::Form("a digest that is no text"));
            };
            let Some(disclosure) = self.take(&digest)? else {
                continue;
            };
            let [Value::String(_), Value::String(name), value]: [Value; 3] = disclosure
                .try_into()
                .map_err(|_| SdJwtError::Form("a member without a name"))?
            else {
                return Err(SdJwtError::Form("a disclosure in another form"));
            };
            if name == "_sd" || name == "..." || out.contains_key(&name) {
                return Err(SdJwtError::Form("a name that stands there already"));
            }
            let value = self.value(value, depth + 1)?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }

    fn array(&mut self, items: Vec<Value>, depth: usize) -> Result<Value, SdJwtError> {
        let mut out = Vec::new();
        for item in items {
            let digest = match &item {
                Value::Object(members) if members.len() == 1 => members.get("...").map(Value::as_str),
                _ => None,
            };
            match digest {
                None => out.push(self.value(item, depth + 1)?),
                Some(None) => return Err(SdJwtError::Form("a digest that is no text")),
                Some(Some(digest)) => {
                    let Some(disclosure) = self.take(digest)? else {
                        continue;
                    };
                    let [Value::String(_), value]: [Value; 2] = disclosure
                        .try_into()
                        .map_err(|_| SdJwtError::Form("an element with a name"))?
                    else {
                        return Err(SdJwtError::Form("a disclosure in another form"));
                    };
                    out.push(self.value(value, depth + 1)?);
                }
            }
        }
        Ok(Value::Array(out))
    }
}
