//! A JSON body as a tree of fields. serde_json holds the grammar; here are the rules that it leaves open: numbers keep
//! their text, no name twice in an object, a limit on depth.

use crate::domain::field::Field;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The deepest nesting that is read; the outermost object is the first level.
pub const DEPTH_MAX: usize = 32;
/// So much of a name is shown in an error, in characters.
const NAME_SHOWN: usize = 200;
/// Stands for half of a surrogate pair, which JSON's escapes allow and no text can hold. XML can't carry it either, so
/// the field is refused by name.
const NO_CHARACTER: char = '\u{ffff}';

/// Why a body was not read. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON in UTF-8, and where.
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// JSON, but no object.
    NotAnObject,
    /// A name that stands twice in one object, by its path.
    DuplicateKey(String),
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
}

impl Unreadable {
    /// The problem's name for the outside; it does not change.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateKey(_) => "duplicate_key",
            Self::TooDeep => "too_deep",
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column } => {
                write!(f, "the body is no JSON in UTF-8: look at line {line}, column {column}")
            }
            Self::NotAnObject => f.write_str("the body must be a JSON object: {…}"),
            Self::DuplicateKey(path) => write!(f, "{path} stands twice in its object: send it once"),
            Self::TooDeep => write!(f, "the body is nested deeper than {DEPTH_MAX} levels"),
        }
    }
}

/// Reads a body.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(body: &[u8]) -> Result<Field<'_>, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = &body[..error.valid_up_to()];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        Unreadable::NotJson { line, column: 1 + before.len() - line_start }
    })?;
    let raw: &RawValue = serde_json::from_str(text)
        .map_err(|error| Unreadable::NotJson { line: error.line(), column: error.column() })?;
    match value(raw, 1, "")? {
        object @ Field::Object(_) => Ok(object),
        _ => Err(Unreadable::NotAnObject),
    }
}

/// One value. Its grammar has been checked with the whole body, so what fails here is a rule of ours.
fn value<'a>(raw: &'a RawValue, depth: usize, path: &str) -> Result<Field<'a>, Unreadable> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth > DEPTH_MAX => Err(Unreadable::TooDeep),
        Some(b'{') => object(text, depth, path),
        Some(b'[') => {
            let Items(items) = parsed(text)?;
            items
                .into_iter()
                .map(|item| value(item, depth + 1, path))
                .collect::<Result<_, _>>()
                .map(Field::List)
        }
        Some(b'"') => parsed::<Text<'_>>(text).map(|text| Field::Text(text.0)),
        Some(b't') => Ok(Field::Bool(true)),
        Some(b'f') => Ok(Field::Bool(false)),
        Some(b'n') => Ok(Field::Null),
        _ => Ok(Field::Number(text)),
    }
}

fn object<'a>(text: &'a str, depth: usize, path: &str) -> Result<Field<'a>, Unreadable> {
    let Members(members) = parsed(text)?;
    let mut seen = HashSet::with_capacity(members.len());
    if let Some((name, _)) = members.iter().find(|(name, _)| !seen.insert(name.0.clone())) {
        return Err(Unreadable::DuplicateKey(below(path, &name.0)));
    }
    let read = |(name, raw): (Text<'a>, &'a RawValue)| {
        // The path is for errors alone; only containers can have one inside.
        let nested = matches!(raw.get().as_bytes().first(), Some(b'{' | b'['));
        let path = if nested { below(path, &name.0) } else { String::new() };
        Ok((name.0, value(raw, depth + 1, &path)?))
    };
    members.into_iter().map(read).collect::<Result<_, _>>().map(Field::Object)
}

fn below(path: &str, name: &str) -> String {
    let name: String = name.chars().take(NAME_SHOWN).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text)
        .map_err(|error| Unreadable::NotJson { line: error.line(), column: error.column() })
}

/// A string, or a name. Read as bytes, because those may hold half a surrogate pair.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_bytes<E: serde::de::Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                std::str::from_utf8(bytes).map(|text| Text(Cow::Borrowed(text))).map_err(E::custom)
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    // Half a pair is three bytes, each of them wrong.
                    if !chunk.invalid().is_empty() && !text.ends_with(NO_CHARACTER) {
                        text.push(NO_CHARACTER);
                    }
                }
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_keep_their_text() {
        let field = read(br#"{"a":12500.00,"b":"x\n\u20ac","c":[1e400,-0,true,null],"d":{}}"#).expect("JSON");
        assert_eq!(field.at("a"), Some(&Field::Number("12500.00")));
        assert_eq!(field.at("b"), Some(&Field::Text("x\n€".into())));
        let items = vec![Field::Number("1e400"), Field::Number("-0"), Field::Bool(true), Field::Null];
        assert_eq!(field.at("c"), Some(&Field::List(items)));
    }

    #[test]
    fn what_is_not_json_is_told_where() {
        let at = |line, column| Err(Unreadable::NotJson { line, column });
        assert_eq!(read(b"{\"a\":1,\n}"), at(2, 1));
        assert_eq!(read(b"{\"a\":\"\xff\"}"), at(1, 7));
        for bad in
            ["", " ", "{", "{'a':1}", "{\"a\":01}", "{\"a\":1}x", "{\"a\":NaN}", "{\"a\":\"\t\"}", "nul"]
        {
            assert!(matches!(read(bad.as_bytes()), Err(Unreadable::NotJson { .. })), "{bad}");
        }
        for other in ["[]", "1", "\"a\"", "null"] {
            assert_eq!(read(other.as_bytes()), Err(Unreadable::NotAnObject), "{other}");
        }
    }

    #[test]
    fn a_name_stands_once_in_an_object() {
        let twice = |path: &str| Err(Unreadable::DuplicateKey(path.to_owned()));
        assert_eq!(read(br#"{"a":1,"a":1}"#), twice("a"));
        assert_eq!(read(br#"{"a":{"b":1,"\u0062":1}}"#), twice("a.b"));
        assert_eq!(read(br#"{"x":[{"a":1},{"b":1,"b":1}]}"#), twice("x.b"));
        assert!(read(br#"{"a":{"b":1},"A":{"b":1}}"#).is_ok());
    }

    #[test]
    fn depth_has_a_limit_and_costs_no_stack() {
        let nested = |depth: usize| format!("{}{}", "{\"a\":".repeat(depth), "1") + &"}".repeat(depth);
        assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(read(nested(DEPTH_MAX + 1).as_bytes()), Err(Unreadable::TooDeep));
        assert!(matches!(read("[".repeat(100_000).as_bytes()), Err(Unreadable::NotJson { .. })));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(deep.as_bytes()), Err(Unreadable::TooDeep));
    }

    #[test]
    fn half_a_surrogate_pair_is_a_character_that_xml_refuses() {
        let field = read(br#"{"a":"x\ud800y","b\udc00":"\ud83d\ude00"}"#).expect("JSON");
        assert_eq!(field.at("a"), Some(&Field::Text("x\u{ffff}y".into())));
        assert_eq!(field.at("b\u{ffff}"), Some(&Field::Text("😀".into())));
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json_on_what_is_json(body in "[{}\\[\\]:,\"a0.\\-e \\\\untrfl]{0,24}") {
            let known = serde_json::from_str::<serde_json::Value>(&body);
            match read(body.as_bytes()) {
                Ok(_) => prop_assert!(known.is_ok(), "{body}"),
                Err(Unreadable::NotJson { .. }) => prop_assert!(known.is_err(), "{body}"),
                Err(_) => prop_assert!(known.is_ok(), "{body}"),
            }
        }

        #[test]
        fn strings_come_out_as_they_went_in(text in any::<String>()) {
            let body = serde_json::json!({ "a": &text }).to_string();
            let field = read(body.as_bytes()).expect("JSON");
            prop_assert_eq!(field.at("a"), Some(&Field::Text(text.into())));
        }
    }
}
