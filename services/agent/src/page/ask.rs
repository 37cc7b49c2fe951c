//! What can be asked of the page, taken from an address and a form once.

use telesphor_clinical::scope::Scope;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::form::Form;

/// Everything that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    // Looking.
    Inbox,
    Patient(IdentityId),
    Document(DocumentId),
    Who,
    Log,
    Teams,
    /// The form that asks why.
    Decline(DocumentId),
    /// What would end.
    Revoke(IdentityId, Option<Scope>),
    RevokeTeam(String),
    // The page's own files.
    Style,
    Script,
    /// What happens, from an instant on.
    News(u64),
    // Doing.
    Open(DocumentId),
    Accept(DocumentId),
    Declined(DocumentId, String),
    End(IdentityId, Option<Scope>),
    EndTeam(String),
    Lock,
}

/// A scope, if one was named; nothing if the name is none.
fn scope(form: &Form) -> Option<Option<Scope>> {
    match form.get("scope") {
        "" => Some(None),
        name => name.parse().ok().map(Some),
    }
}

fn team(id: &str) -> Option<String> {
    let good = id.len() == 64
        && id
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
    good.then(|| id.to_owned())
}

impl Ask {
    /// What a link asks for.
    pub(super) fn look(path: &str, query: &Form) -> Option<Self> {
        let (page, id) = path.split_once('/').unwrap_or((path, ""));
        Some(match (page, id) {
            ("", "") => Self::Inbox,
            ("who", "") => Self::Who,
            ("log", "") => Self::Log,
            ("teams", "") => Self::Teams,
            ("page.css", "") => Self::Style,
            ("page.js", "") => Self::Script,
            ("news", "") => Self::News(query.get("since").parse().ok()?),
            ("patient", id) => Self::Patient(id.parse().ok()?),
            ("document", id) => Self::Document(id.parse().ok()?),
            ("decline", id) => Self::Decline(id.parse().ok()?),
            ("revoke", id) => Self::Revoke(id.parse().ok()?, scope(query)?),
            ("revoke-team", id) => Self::RevokeTeam(team(id)?),
            _ => return None,
        })
    }

    /// What a form asks for.
    pub(super) fn act(path: &str, form: &Form) -> Option<Self> {
        let id = form.get("id");
        Some(match path {
            "open" => Self::Open(id.parse().ok()?),
            "accept" => Self::Accept(id.parse().ok()?),
            "decline" => Self::Declined(id.parse().ok()?, form.get("why").trim().to_owned()),
            "revoke" => Self::End(id.parse().ok()?, scope(form)?),
            "revoke-team" => Self::EndTeam(team(id)?),
            "lock" => Self::Lock,
            _ => return None,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_link_does_something_or_a_misspelt_scope_ends_everything() {
        let form = |text: &str| Form::read(text).unwrap();
        let id = IdentityId([7; 32]);
        for act in ["open", "accept", "revoke", "revoke-team", "lock", "decline"] {
            assert_eq!(Ask::look(act, &form(&format!("id={id}"))), None, "{act}");
        }
        let end = |text: String| Ask::act("revoke", &form(&text));
        assert_eq!(end(format!("id={id}")), Some(Ask::End(id, None)));
        assert_eq!(end(format!("id={id}&scope=Heart%21")), None);
        let heart = Some("heart".parse().unwrap());
        assert_eq!(end(format!("id={id}&scope=heart")), Some(Ask::End(id, heart)));
        assert_eq!(end("id=aino".to_owned()), None);
    }

    #[test]
    fn an_address_leaves_its_folder() {
        let none = Form::default();
        for bad in [
            "../x",
            "who/x",
            "document/",
            "document/../../etc",
            "revoke-team/zz",
            "page.css/x",
            "x",
        ] {
            assert_eq!(Ask::look(bad, &none), None, "{bad}");
        }
        assert_eq!(Ask::look("", &none), Some(Ask::Inbox));
    }
}
