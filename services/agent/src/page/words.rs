//! The page's own words, from the catalogue. What is a fact of the record, of a grant or of the
//! log is said in the words of the command line instead ([`crate::shown`]).

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey};
use fluent_syntax::parser::parse;

/// Every language: its tag and its catalogue. The first is spoken if no other was chosen.
const CATALOGUES: [(&str, &str); 2] = [
    ("en", include_str!("../../page/texts/en.ftl")),
    ("sv", include_str!("../../page/texts/sv.ftl")),
];

/// The language that was chosen, for as long as this program runs.
static CHOSEN: OnceLock<&'static str> = OnceLock::new();

/// The tags of the languages there are.
pub(crate) fn languages() -> Vec<&'static str> {
    CATALOGUES.iter().map(|(tag, _)| *tag).collect()
}

/// Chooses the language of the page, before anything is said. `false`: there is no such one.
pub(crate) fn speak(tag: &str) -> bool {
    let mut fits = CATALOGUES.iter().map(|(known, _)| *known);
    match fits.find(|known| *known == tag) {
        Some(known) => {
            let _ = CHOSEN.set(known);
            true
        }
        None => false,
    }
}

/// A catalogue in use. Of fluent it knows messages, variables and a choice by number.
pub(super) struct Words {
    pub(super) language: &'static str,
    messages: HashMap<&'static str, Pattern<&'static str>>,
}

/// The catalogue that is spoken.
pub(super) fn words() -> &'static Words {
    static SPOKEN: LazyLock<Words> = LazyLock::new(|| {
        let chosen = CHOSEN.get().copied();
        let spoken = CATALOGUES.iter().find(|(tag, _)| Some(*tag) == chosen);
        Words::load(*spoken.unwrap_or(&CATALOGUES[0]))
    });
    &SPOKEN
}

/// What a line is about.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    name: &'a str,
    n: usize,
}

impl Words {
    fn load((language, text): (&'static str, &'static str)) -> Self {
        // A catalogue with a fault says what is good of it; a test holds that there is none.
        let resource = parse(text).unwrap_or_else(|(good, _)| good);
        let messages = resource.body.into_iter().filter_map(|entry| match entry {
            Entry::Message(message) => Some((message.id.name, message.value?)),
            _ => None,
        });
        Self {
            language,
            messages: messages.collect(),
        }
    }

    fn line(&self, key: &str, about: About<'_>) -> String {
        let pattern = self.messages.get(key);
        pattern.map_or_else(|| key.to_owned(), |p| filled(p, about))
    }

    /// A line.
    pub(super) fn say(&self, key: &str) -> String {
        self.line(key, About::default())
    }

    /// A line about `{ $name }`.
    pub(super) fn named(&self, key: &str, name: &str) -> String {
        self.line(key, About { name, n: 0 })
    }

    /// A line about `{ $n }` of something.
    pub(super) fn number(&self, key: &str, n: usize) -> String {
        self.line(key, About { name: "", n })
    }
}

fn filled(pattern: &Pattern<&'static str>, about: About<'_>) -> String {
    let parts = pattern.elements.iter().map(|element| match element {
        PatternElement::TextElement { value } => (*value).to_owned(),
        PatternElement::Placeable { expression } => match expression {
            Expression::Inline(one) => inline(one, about),
            Expression::Select { variants, .. } => {
                chosen(variants, about.n).map_or_else(String::new, |v| filled(&v.value, about))
            }
        },
    });
    parts.collect()
}

fn inline(expression: &InlineExpression<&str>, about: About<'_>) -> String {
    match expression {
        InlineExpression::VariableReference { id } if id.name == "n" => about.n.to_string(),
        InlineExpression::VariableReference { id } if id.name == "name" => about.name.to_owned(),
        InlineExpression::StringLiteral { value } => (*value).to_owned(),
        _ => String::new(),
    }
}

/// The number itself, else one or several, as in every language here, else the default.
fn chosen<'v>(variants: &'v [Variant<&'static str>], n: usize) -> Option<&'v Variant<&'static str>> {
    let said = n.to_string();
    let plural = if n == 1 { "one" } else { "other" };
    let by = |wanted: &dyn Fn(&VariantKey<&str>) -> bool| variants.iter().find(|v| wanted(&v.key));
    by(&|key| matches!(key, VariantKey::NumberLiteral { value } if **value == *said))
        .or_else(|| by(&|key| matches!(key, VariantKey::Identifier { name } if **name == *plural)))
        .or_else(|| variants.iter().find(|v| v.default))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn keys(catalogue: (&'static str, &'static str)) -> BTreeSet<String> {
        assert!(parse(catalogue.1).is_ok(), "{} is not a catalogue", catalogue.0);
        let words = Words::load(catalogue);
        words.messages.keys().map(|key| (*key).to_owned()).collect()
    }

    fn used() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = BTreeSet::new();
        for folder in ["src/page", "page/templates"] {
            for file in std::fs::read_dir(root.join(folder)).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let product = text.split("#[cfg(test)]").next().unwrap();
                for call in ["say(\"", "named(\"", "number(\""] {
                    let rest = product.split(call).skip(1);
                    all.extend(rest.filter_map(|r| r.split('"').next()).map(str::to_owned));
                }
            }
        }
        all
    }

    #[test]
    fn a_text_is_missing_in_a_language_or_said_nowhere() {
        let used = used();
        assert!(used.len() > 40, "the test no longer finds what is said: {used:?}");
        for catalogue in CATALOGUES {
            let (language, there) = (catalogue.0, keys(catalogue));
            let missing: Vec<_> = used.difference(&there).collect();
            let unused: Vec<_> = there.difference(&used).collect();
            assert!(missing.is_empty(), "{language} lacks {missing:?}");
            assert!(unused.is_empty(), "{language} has what nobody says: {unused:?}");
        }
    }

    #[test]
    fn a_text_is_empty_or_speaks_of_something_that_it_is_not_told() {
        for catalogue in CATALOGUES {
            let words = Words::load(catalogue);
            for key in keys(catalogue) {
                for n in [0, 1, 2] {
                    let text = words.line(&key, About { name: "Aino", n });
                    assert!(!text.trim().is_empty() && text != key, "{key}");
                }
                for variable in catalogue.1.split("{ $").skip(1) {
                    let name = variable.split([' ', '}']).next().unwrap();
                    assert!(["n", "name"].contains(&name), "{name} is never told");
                }
            }
        }
    }

    #[test]
    fn a_language_says_most_of_it_in_another_ones_words() {
        let english = Words::load(CATALOGUES[0]);
        for other in &CATALOGUES[1..] {
            let words = Words::load(*other);
            let about = About { name: "Aino", n: 2 };
            let same = keys(*other)
                .into_iter()
                .filter(|key| words.line(key, about) == english.line(key, about));
            let same: Vec<_> = same.collect();
            assert!(same.len() <= 4, "{}: {same:?}", other.0);
        }
    }

    #[test]
    fn one_document_is_spoken_of_as_several() {
        assert_ne!(
            words().number("documents", 1).replace('1', "2"),
            words().number("documents", 2)
        );
    }
}
