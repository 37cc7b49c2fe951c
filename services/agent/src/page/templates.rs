//! Filling templates in. Every value is escaped; a name that is not there is a fault, not a gap.

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use telesphor_wire::error::ErrorCode;

use super::words::words;
use crate::fault::{Fault, Result};

macro_rules! all {
    ($($name:literal),* $(,)?) => {
        [$((concat!($name, ".html"), include_str!(concat!("../../page/templates/", $name, ".html")))),*]
    };
}

/// Every template.
const ALL: [(&str, &str); 13] = all![
    "layout",
    "card",
    "grants",
    "inbox",
    "patient",
    "document",
    "decline",
    "who",
    "revoke",
    "revoke_team",
    "log",
    "teams",
    "fault",
];

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut all = Environment::empty();
    all.set_auto_escape_callback(|_| AutoEscape::Html);
    all.set_undefined_behavior(UndefinedBehavior::Strict);
    all.set_trim_blocks(true);
    all.add_filter("length", minijinja::filters::length);
    all.add_test("none", minijinja::tests::is_none);
    all.add_global("language", words().language);
    all.add_function("say", |key: &str| words().say(key));
    all.add_function("named", |key: &str, name: &str| words().named(key, name));
    all.add_function("number", |key: &str, n: usize| words().number(key, n));
    for (name, text) in ALL {
        // One that cannot be read is missing below; a test fills every one of them in.
        let _ = all.add_template(name, text);
    }
    all
});

/// Fills one in.
pub(super) fn render(name: &str, page: &impl Serialize) -> Result<String> {
    let template = TEMPLATES.get_template(&format!("{name}.html"));
    template
        .and_then(|t| t.render(page))
        .map_err(|_| Fault::of(ErrorCode::AgentFault).with(format!("template {name}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_template_cannot_be_read() {
        for (name, text) in ALL {
            let mut alone = Environment::new();
            let added = alone.add_template(name, text);
            assert!(added.is_ok(), "{name}: {}", added.unwrap_err());
        }
        assert!(TEMPLATES.templates().count() == ALL.len());
    }
}
