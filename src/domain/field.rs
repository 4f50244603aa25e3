//! An event's JSON as a tree of fields, borrowed from the request's body: what the mapping reads, and what two
//! bodies are compared by. Numbers keep the text that the caller wrote, so money never passes a binary float.
//! Not a JSON reader: the HTTP edge makes the tree.

use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// One JSON value. Members keep the order in which they were received; no two of an object are alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as its text: `12500.00` stays `12500.00`.
    Number(&'a str),
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Field<'a> {
    /// The member of an object; `None` where this is no object or has no such member.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The field at a dotted path such as `transaction.amount`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |field, name| field.member(name))
    }

    /// The members of an object; nothing for any other value.
    pub fn members(&self) -> &[(Cow<'a, str>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Absent, null and blank text are no data.
    pub fn has_data(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.chars().all(is_blank),
            _ => true,
        }
    }

    /// The JSON type in words, for an error message.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Two bodies are equal when they parse to the same JSON: the order of members and white space don't matter,
    /// the text of numbers does.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut canonical = Vec::with_capacity(1024);
        self.write_canonical(&mut canonical);
        Fingerprint(Sha256::digest(&canonical).into())
    }

    /// A prefix-free text of the value: every part says its length, so no two values share a text.
    fn write_canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'n'),
            Self::Bool(value) => out.push(if *value { b't' } else { b'f' }),
            Self::Number(text) => write_part(out, b'#', text),
            Self::Text(text) => write_part(out, b'"', text),
            Self::List(items) => {
                write_count(out, b'[', items.len());
                items.iter().for_each(|item| item.write_canonical(out));
            }
            Self::Object(members) => {
                write_count(out, b'{', members.len());
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                for (name, value) in sorted {
                    write_part(out, b'"', name);
                    value.write_canonical(out);
                }
            }
        }
    }
}

/// White space, but for the two control characters among it: no XML text may hold those, blank or not.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{b}' | '\u{c}')
}

fn write_count(out: &mut Vec<u8>, tag: u8, count: usize) {
    out.push(tag);
    out.extend_from_slice(&(count as u64).to_be_bytes());
}

fn write_part(out: &mut Vec<u8>, tag: u8, text: &str) {
    write_count(out, tag, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// SHA-256 over a body's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    fn object<'a>(members: Vec<(&'a str, Field<'a>)>) -> Field<'a> {
        Field::Object(members.into_iter().map(|(k, v)| (Cow::Borrowed(k), v)).collect())
    }

    #[test]
    fn order_of_members_does_not_matter_and_the_text_of_numbers_does() {
        let one = object(vec![("a", Field::Number("1.0")), ("b", Field::Null)]);
        let two = object(vec![("b", Field::Null), ("a", Field::Number("1.0"))]);
        let other = object(vec![("b", Field::Null), ("a", Field::Number("1.00"))]);
        assert_eq!(one.fingerprint(), two.fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
    }

    #[test]
    fn values_of_different_type_differ() {
        let values = [
            Field::Null,
            Field::Bool(true),
            Field::Number("1"),
            Field::Text("1".into()),
            Field::List(vec![]),
            Field::List(vec![Field::Null]),
            object(vec![]),
            object(vec![("1", Field::Null)]),
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(a.fingerprint() == b.fingerprint(), i == j, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_path_walks_members_and_blank_text_is_no_data() {
        let event = object(vec![("customer", object(vec![("id", Field::Text(" \t".into()))]))]);
        let id = event.at("customer.id").expect("there");
        assert!(Field::Text("\u{b}".into()).has_data(), "to be refused, not passed over");
        assert!(!id.has_data());
        assert!(event.at("customer.name").is_none());
        assert!(event.at("customer.id.x").is_none());
    }
}
