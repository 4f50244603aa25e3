//! The text of an entry: JSON on one line, its members in a fixed order, written once and never rewritten. What says
//! who a person is stands in it as keyed hashes alone.

use super::chain::{Digits, Hash, opening};
use std::fmt::{Display, Write};

/// The text, as far as it is written.
pub(super) struct Body(String);

/// An entry's text is seldom longer.
const LENGTH_USUAL: usize = 640;

impl Body {
    /// Begins with what every entry says.
    pub(super) fn new(gateway: &str, n: i64, timestamp: &str, kind: &str) -> Self {
        let mut text = String::with_capacity(LENGTH_USUAL);
        text.push_str(&opening(gateway, n));
        text.pop(); // each member brings its own comma
        let mut body = Self(text);
        body.text("timestamp", timestamp);
        body.text("kind", kind);
        body
    }

    fn name(&mut self, name: &str) {
        self.0.push_str(",\"");
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    /// A member that is text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        if value.bytes().all(plain) {
            self.0.push('"');
            self.0.push_str(value);
            self.0.push('"');
        } else {
            self.0.push_str(&serde_json::Value::from(value).to_string());
        }
    }

    /// A member that is a hash, in hexadecimal digits, or null.
    pub(super) fn hash(&mut self, name: &str, value: Option<&Hash>) {
        let Some(value) = value else { return self.number(name, "null") };
        self.name(name);
        self.0.push('"');
        self.0.push_str(Digits::of(value).as_str());
        self.0.push('"');
    }

    /// A member that is text, or null.
    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.number(name, "null"),
        }
    }

    /// A member that is a number, or anything else that is JSON as it is shown.
    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        self.name(name);
        // Writing into a string does not fail.
        let _ = write!(self.0, "{value}");
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Body;
    use proptest::prelude::*;

    #[test]
    fn members_stand_in_the_order_in_which_they_were_written() {
        let mut body = Body::new("21fe31dfa154a261", 7, "2026-11-25T08:00:00.000000Z", "refused");
        body.text("why", "form");
        body.number("count", 3);
        body.optional("by", None);
        let expected = "{\"gateway\":\"21fe31dfa154a261\",\"n\":7,\"timestamp\":\"2026-11-25T08:00:00.000000Z\",\
                        \"kind\":\"refused\",\"why\":\"form\",\"count\":3,\"by\":null}";
        assert_eq!(body.end(), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_and_stays_on_one_line(value in any::<String>()) {
            let mut body = Body::new("g", 1, "t", "k");
            body.text("value", &value);
            let text = body.end();
            prop_assert!(!text.contains(['\n', '\r']));
            let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(read["value"].as_str(), Some(value.as_str()));
        }
    }
}
