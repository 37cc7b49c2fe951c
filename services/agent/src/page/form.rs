//! What a form sends, taken apart.

use super::gate::Refusal;
use super::limits;

/// Names and values, as the form wrote them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Takes `a=b&c=d` apart.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let fields: Vec<_> = text
            .split('&')
            .filter(|field| !field.is_empty())
            .map(|field| {
                let (name, value) = field.split_once('=').unwrap_or((field, ""));
                Ok((plain(name)?, plain(value)?))
            })
            .collect::<Result<_, _>>()?;
        match fields.len() > limits::FIELDS {
            true => Err(Refusal::Form),
            false => Ok(Self(fields)),
        }
    }

    /// A field that stands there once; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut all = self.0.iter().filter(|(n, _)| n == name);
        match (all.next(), all.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }
}

/// `%41+b` as `A b`.
fn plain(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    let digit = char::from(rest.next().unwrap_or(0)).to_digit(16);
                    digit.and_then(|d| u8::try_from(d).ok()).ok_or(Refusal::Form)
                };
                digit()? * 16 + digit()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| Refusal::Form)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_as_another_or_twice() {
        let form = Form::read("id=tel1q%2Fa&why=off+duty%3B+%C3%A4&empty&id2=").unwrap();
        assert_eq!(form.get("id"), "tel1q/a");
        assert_eq!(form.get("why"), "off duty; ä");
        assert_eq!((form.get("empty"), form.get("none")), ("", ""));
        assert_eq!(
            Form::read("a=1&a=2").unwrap().get("a"),
            "",
            "which of them is meant is not guessed"
        );
    }

    #[test]
    fn a_form_that_is_none_is_taken() {
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1"] {
            assert_eq!(Form::read(bad), Err(Refusal::Form), "{bad}");
        }
        assert_eq!(Form::read(&"a=1&".repeat(17)), Err(Refusal::Form));
        assert_eq!(Form::read("").unwrap(), Form::default());
    }
}
