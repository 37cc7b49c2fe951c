//! Who may speak to the page at all: decided from a request's head, before anything is looked at.
//!
//! A browser says truthfully from which page a request comes; whoever is no browser can say
//! anything, and has no key. So the head keeps other pages out, and [`super::door`] the rest.

use super::http::Head;
use super::limits;

/// Why a request is refused. None of them tells anything of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Neither GET nor POST.
    Method,
    /// Meant for another host: a name that somebody points at this machine.
    Host,
    /// Not an address of this page's form.
    Address,
    TooLong,
    /// More than a head or a form of this page can be.
    TooLarge,
    /// Called by another page.
    Origin,
    /// Without the key.
    Key,
    /// The link was used, or is too old.
    Spent,
    /// A form that this page did not make.
    Form,
    /// A request that did not come to its end in time.
    Slow,
}

impl Refusal {
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Address => 400,
            Self::Origin | Self::Key | Self::Spent | Self::Form => 403,
            Self::Method => 405,
            Self::Slow => 408,
            Self::TooLarge => 413,
            Self::TooLong => 414,
            Self::Host => 421,
        }
    }
}

/// Whether a request is for this page and from this page, or from nobody's.
pub(super) fn admit(head: &Head, authority: &str) -> Result<(), Refusal> {
    let changes = match head.method.as_str() {
        "GET" => false,
        "POST" => true,
        _ => return Err(Refusal::Method),
    };
    if head.only("host")? != Some(authority) {
        return Err(Refusal::Host);
    }
    if !head.target.starts_with('/') {
        return Err(Refusal::Address);
    }
    if head.target.len() > limits::ADDRESS {
        return Err(Refusal::TooLong);
    }
    match head.only("origin")? {
        Some(origin) if origin.strip_prefix("http://") != Some(authority) => return Err(Refusal::Origin),
        // Every browser says it with a form.
        None if changes => return Err(Refusal::Origin),
        _ => {}
    }
    match head.only("sec-fetch-site")? {
        None | Some("same-origin") => Ok(()),
        // Typed, or opened by another program.
        Some("none") if !changes => Ok(()),
        // Another port of this machine counts as the same site.
        Some(_) => Err(Refusal::Origin),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:4711";

    fn asked(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let lines = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n"));
        let text = format!("{method} {uri} HTTP/1.1\r\n{}\r\n", lines.collect::<String>());
        let (head, _) = Head::parse(text.as_bytes())?.expect("all of it");
        admit(&head, HERE)
    }

    #[test]
    fn a_name_that_is_pointed_at_this_machine_passes_for_it() {
        for host in [
            "evil.example:4711",
            "localhost:4711",
            "127.0.0.1",
            "127.0.0.1:4712",
            "",
        ] {
            assert_eq!(asked("GET", "/", &[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(asked("GET", "/", &[]), Err(Refusal::Host));
        assert_eq!(asked("GET", "/", &[("host", HERE)]), Ok(()));
        let twice = [("host", HERE), ("host", "evil.example")];
        assert_eq!(asked("GET", "/", &twice), Err(Refusal::Address));
        assert_eq!(
            asked("GET", "http://127.0.0.1:4711/", &[("host", HERE)]),
            Err(Refusal::Address),
            "it is no proxy"
        );
    }

    #[test]
    fn another_page_reads_or_changes_something() {
        let from = |method: &str, more: &[(&str, &str)]| {
            asked(method, "/room/who", &[&[("host", HERE)], more].concat())
        };
        let own = ("origin", "http://127.0.0.1:4711");
        assert_eq!(from("POST", &[own]), Ok(()));
        assert_eq!(from("POST", &[own, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(from("GET", &[("sec-fetch-site", "none")]), Ok(()));
        for origin in [
            "null",
            "http://evil.example",
            "https://127.0.0.1:4711",
            "http://127.0.0.1:4712",
            "http://localhost:4711",
            "http://127.0.0.1:4711.evil.example",
        ] {
            assert_eq!(
                from("POST", &[("origin", origin)]),
                Err(Refusal::Origin),
                "{origin}"
            );
            assert_eq!(
                from("GET", &[("origin", origin)]),
                Err(Refusal::Origin),
                "{origin}"
            );
        }
        assert_eq!(from("POST", &[]), Err(Refusal::Origin));
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            assert_eq!(
                from("GET", &[("sec-fetch-site", site)]),
                Err(Refusal::Origin),
                "{site}"
            );
        }
        assert_eq!(
            from("POST", &[own, ("sec-fetch-site", "none")]),
            Err(Refusal::Origin)
        );
        assert_eq!(from("POST", &[own, own]), Err(Refusal::Address));
    }

    #[test]
    fn other_methods_and_endless_addresses_are_carried_out() {
        for method in [
            "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "BREW",
        ] {
            assert_eq!(
                asked(method, "/", &[("host", HERE)]),
                Err(Refusal::Method),
                "{method}"
            );
        }
        let long = format!("/{}", "a".repeat(limits::ADDRESS));
        assert_eq!(asked("GET", &long, &[("host", HERE)]), Err(Refusal::TooLong));
    }
}
