//! A JSON body as a tree of fields. serde_json holds the grammar; here are the rules that it leaves open: numbers keep
//! their text, no name twice in an object, a limit on depth.

use crate::domain::field::Field;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
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
    let whole: &RawValue = parsed(text)?;
    match whole.get().as_bytes().first() {
        Some(b'{') => Walk(whole.get()).value(1, Place::Top),
        _ => Err(Unreadable::NotAnObject),
    }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text)
        .map_err(|error| Unreadable::NotJson { line: error.line(), column: error.column() })
}

/// Where a value stands. Only an error puts it into words.
#[derive(Clone, Copy)]
enum Place<'p> {
    Top,
    Below(&'p Self, &'p str),
}

impl Place<'_> {
    fn path(self) -> String {
        let Self::Below(above, name) = self else { return String::new() };
        let name: String = name.chars().take(NAME_SHOWN).collect();
        match above {
            Self::Top => name,
            Self::Below(..) => format!("{}.{name}", above.path()),
        }
    }
}

/// What is left of a text whose grammar has been checked: it need only be taken apart, and what fails here is a rule
/// of ours.
struct Walk<'a>(&'a str);

impl<'a> Walk<'a> {
    /// The next value. An object or an array is on the level `depth`.
    fn value(&mut self, depth: usize, place: Place<'_>) -> Result<Field<'a>, Unreadable> {
        match self.next() {
            b'{' | b'[' if depth > DEPTH_MAX => Err(Unreadable::TooDeep),
            b'{' => self.object(depth, place),
            b'[' => self.list(depth, place),
            b'"' => self.string().map(Field::Text),
            b't' | b'f' | b'n' => Ok(match self.scalar() {
                "true" => Field::Bool(true),
                "false" => Field::Bool(false),
                _ => Field::Null,
            }),
            _ => Ok(Field::Number(self.scalar())),
        }
    }

    fn object(&mut self, depth: usize, place: Place<'_>) -> Result<Field<'a>, Unreadable> {
        let mut members = Vec::new();
        while self.steps_to_another(b'}') {
            let name = self.string()?;
            self.next();
            self.step(1); // over the colon
            let value = self.value(depth + 1, Place::Below(&place, &name))?;
            members.push((name, value));
        }
        match twice(&members) {
            Some(name) => Err(Unreadable::DuplicateKey(Place::Below(&place, name).path())),
            None => Ok(Field::Object(members)),
        }
    }

    fn list(&mut self, depth: usize, place: Place<'_>) -> Result<Field<'a>, Unreadable> {
        let mut items = Vec::new();
        while self.steps_to_another(b']') {
            items.push(self.value(depth + 1, place)?);
        }
        Ok(Field::List(items))
    }

    /// Steps over the bracket that opens, the comma or the bracket that ends. Whether a member or an item follows.
    fn steps_to_another(&mut self, end: u8) -> bool {
        let here = self.next();
        self.step(1);
        if here == end {
            return false;
        }
        let is_empty = self.next() == end;
        if is_empty {
            self.step(1);
        }
        !is_empty
    }

    /// The text of a string or a name. One without an escape, as most are, is borrowed as it stands.
    fn string(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        let inside = self.0.get(1..).unwrap_or_default();
        let plain = inside.bytes().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(inside.len());
        let (text, behind) = inside.split_at_checked(plain).unwrap_or((inside, ""));
        if behind.starts_with('\\') {
            let literal = self.step(literal_length(self.0));
            return parsed::<Unescaped>(literal).map(|text| Cow::Owned(text.0));
        }
        self.step(plain + 2);
        Ok(Cow::Borrowed(text))
    }

    fn scalar(&mut self) -> &'a str {
        let ends = |byte: u8| matches!(byte, b',' | b'}' | b']') || is_space(byte);
        let length = self.0.bytes().position(ends).unwrap_or(self.0.len());
        self.step(length)
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> u8 {
        let spaces = self.0.bytes().take_while(|byte| is_space(*byte)).count();
        self.step(spaces);
        self.0.as_bytes().first().copied().unwrap_or_default()
    }

    /// What was stepped over.
    fn step(&mut self, length: usize) -> &'a str {
        let (over, left) = self.0.split_at_checked(length).unwrap_or((self.0, ""));
        self.0 = left;
        over
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A name that stands more than once.
fn twice<'m>(members: &'m [(Cow<'_, str>, Field<'_>)]) -> Option<&'m str> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// From the first quote to the last.
fn literal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// A string, or a name, with escapes. Read as bytes, because those may hold half a surrogate pair.
struct Unescaped(String);

impl<'de> Deserialize<'de> for Unescaped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Unescaped;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Unescaped, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    // Half a pair is three bytes, each of them wrong.
                    if !chunk.invalid().is_empty() && !text.ends_with(NO_CHARACTER) {
                        text.push(NO_CHARACTER);
                    }
                }
                Ok(Unescaped(text))
            }
        }
        deserializer.deserialize_bytes(Bytes)
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

    fn value_of(field: &Field<'_>) -> serde_json::Value {
        use serde_json::Value;
        match field {
            Field::Null => Value::Null,
            Field::Bool(value) => (*value).into(),
            Field::Number(text) => serde_json::from_str(text).expect("a number"),
            Field::Text(text) => text.as_ref().into(),
            Field::List(items) => items.iter().map(value_of).collect(),
            Field::Object(members) => {
                members.iter().map(|(name, value)| (name.clone().into_owned(), value_of(value))).collect()
            }
        }
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
        fn it_reads_what_serde_json_reads(body in "[{}\\[\\]:,\"ab0.\\-e \\\\untrfl\n]{0,12}", pretty: bool) {
            let strings = ["a\"]}", "\\\\", "é,\u{0}", "", " \t"];
            let nested = serde_json::json!([[{ "x": body, "y": strings }], [], {}, 1, 2.5e3, true, false, null]);
            let body = serde_json::json!({ body: nested, "z": { "": -0.1 } });
            let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
            let text = text.expect("JSON");
            prop_assert_eq!(read(text.as_bytes()).map(|field| value_of(&field)), Ok(body));
        }

        #[test]
        fn strings_come_out_as_they_went_in(text in any::<String>()) {
            let body = serde_json::json!({ "a": &text }).to_string();
            let field = read(body.as_bytes()).expect("JSON");
            prop_assert_eq!(field.at("a"), Some(&Field::Text(text.into())));
        }
    }
}
