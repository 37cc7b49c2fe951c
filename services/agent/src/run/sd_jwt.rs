//! SD-JWT: parts for readers with other programs, and what such a file proves.

use std::path::Path;

use serde_json::Value;
use telesphor_agent::{Agent, Shown};
use telesphor_clinical::sdjwt::{SdJwt, SdJwtError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::jws::JwsPublic;

use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Row;

/// What every compact token begins with: the base64url form of a JSON object.
const BEGINS: &[u8] = b"eyJ";

/// `disclose --sd-jwt`.
pub(super) async fn write(
    here: &Here<'_>,
    agent: Agent,
    args: &args::Disclose,
    file: &Path,
    shows: Shown,
    rows: &[Row],
) -> Result<Exit> {
    let bound = match (&args.name, &args.question) {
        (Some(name), Some(question)) => Some((name.clone(), question.clone())),
        (None, None) => None,
        _ => {
            return Err(Fault::usage(
                "--for and --question go together here: an SD-JWT is bound to a reader by the question that they asked",
            ));
        }
    };
    let made = agent
        .sd_jwt(shows, bound)
        .await
        .map_err(super::disclose::faults)?;
    super::identity::write_new(file, made.text.as_bytes())?;
    here.out.list(rows, "")?;
    let who = match made.by_author {
        true => "signed in that form by you, its author",
        false => "signed in that form by you, its holder: the author's own signature does not carry over",
    };
    here.out.words(&format!("written to {}, {who}", file.display()));
    here.out.words(&format!(
        "the reader must hear of your key by another way: {}",
        made.key
    ));
    here.let_go(agent).await;
    Ok(Exit::Done)
}

/// Whether a file is such a token.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINS) && bytes.contains(&b'~')
}

/// `verify` of such a file: what it proves, and what it does not.
pub(super) fn verify(here: &Here<'_>, bytes: &[u8], args: &args::Verify) -> Result<Exit> {
    let refused = |error: SdJwtError| Fault::of(ErrorCode::BadDocument).with(error.to_string());
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::of(ErrorCode::InputRefused))?;
    let token = SdJwt::parse(text).map_err(refused)?;
    let header = token.header().map_err(refused)?;
    let x = header.get("jwk").and_then(|k| k.get("x")?.as_str());
    let key = x.and_then(|x| JwsPublic::from_x(x).ok()).ok_or(
        Fault::of(ErrorCode::InputRefused)
            .with("it does not name an Ed25519 key; only those are checked here"),
    )?;
    let expected = args.made_out_to.as_deref().zip(args.question.as_deref());
    let claims = token.verified(&key, expected).map_err(refused)?;
    let said = |name: &str| {
        claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let bound = match expected {
        Some(_) => "made out to that reader, in answer to that question",
        None => "made out to nobody in particular: whoever has it can show it",
    };
    let checked = [
        format!(
            "signed in this form by its {}, with the key {}",
            said("signed_by"),
            key.jwk()
        ),
        "NOT PROVED: whose key that is; hear of it by another way".to_owned(),
        format!(
            "NOT PROVED: that {} wrote it; a .tel file of the same parts proves that",
            said("author")
        ),
        bound.to_owned(),
        "what is not shown may exist".to_owned(),
    ];
    let resource = claims.get("resource").cloned().unwrap_or_default();
    let pretty = serde_json::to_string_pretty(&resource).unwrap_or_default();
    here.out.one(
        &Row::new()
            .both("intact", "", true, "yes: not changed since it was signed")
            .more("signed_by", said("signed_by"), "")
            .more("checked", checked.to_vec(), &checked.join("\n"))
            .more("resource", resource, &pretty),
    )?;
    Ok(Exit::Done)
}
