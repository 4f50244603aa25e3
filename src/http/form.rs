//! A form body, `a=b&c=d`: an object of texts. CXone sends its calls as forms unless it is told otherwise.

use crate::domain::field::Field;
use std::borrow::Cow;
use std::fmt;

/// How a form is labelled.
pub(super) const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// The most fields.
const FIELDS_MAX: usize = 1000;
/// So much of a name is shown in an error, in characters.
const NAME_SHOWN: usize = 200;

/// Why a form was not read. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// What is escaped is no UTF-8.
    NotText,
    /// A name that stands twice.
    DuplicateKey(String),
    /// More than [`FIELDS_MAX`].
    TooMany,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => {
                f.write_str("the body is no form in UTF-8: escape it as application/x-www-form-urlencoded")
            }
            Self::DuplicateKey(name) => write!(f, "{name} stands twice in the form: send it once"),
            Self::TooMany => write!(f, "the form has more than {FIELDS_MAX} fields"),
        }
    }
}

/// Whether a body that is said to be a form is one: JSON often is said to be.
pub fn is_form(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    body.contains(&b'=') && !first.is_some_and(|byte| matches!(byte, b'{' | b'[' | b'"'))
}

/// Reads a form.
///
/// # Errors
/// See [`Malformed`].
pub fn read(body: &[u8]) -> Result<Field<'static>, Malformed> {
    let mut members: Vec<(Cow<'static, str>, Field<'static>)> = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
        let (name, value) = (unescaped(name)?, unescaped(value)?);
        if members.len() >= FIELDS_MAX {
            return Err(Malformed::TooMany);
        }
        members.push((name.into(), Field::Text(value.into())));
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Malformed::DuplicateKey(pair[0].chars().take(NAME_SHOWN).collect())),
        None => Ok(Field::Object(members)),
    }
}

pub(super) fn unescaped(text: &[u8]) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let code = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let code =
                    code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(Malformed::NotText)?;
                rest = rest.get(2..).unwrap_or_default();
                code
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Malformed::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(field: &Field<'_>, name: &str) -> String {
        match field.member(name) {
            Some(Field::Text(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_form_is_an_object_of_texts() {
        let form = read(b"contactId=1%2F2&name=Zo%C3%AB+M&empty=&alone&&a=b=c").expect("a form");
        let values = ["contactId", "name", "empty", "alone", "a"].map(|name| text(&form, name));
        assert_eq!(values, ["1/2", "Zoë M", "", "", "b=c"]);
    }

    #[test]
    fn what_is_wrong_with_a_form_is_told() {
        for bad in ["a=%", "a=%4", "a=%zz", "a=%FF", "%C3=1", "a=%+1"] {
            assert_eq!(read(bad.as_bytes()), Err(Malformed::NotText), "{bad}");
        }
        assert_eq!(read(b"a=1&%61=2"), Err(Malformed::DuplicateKey("a".to_owned())));
        let many: Vec<_> = (0..=FIELDS_MAX).map(|n| format!("f{n}=")).collect();
        assert_eq!(read(many.join("&").as_bytes()), Err(Malformed::TooMany));
    }

    #[test]
    fn json_that_is_said_to_be_a_form_is_none() {
        assert!(is_form(b"a=b") && is_form(b" a=b"));
        for other in ["{\"a\":\"x=y\"}", " \n{\"a\":\"=\"}", "[\"=\"]", "", "abc"] {
            assert!(!is_form(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_body_breaks_it(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = (is_form(&body), read(&body));
        }
    }
}
