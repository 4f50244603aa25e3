//! Examples as they are shown: JSON, indented, and the `curl` that sends it.

use super::html::text;
use crate::domain::field::Field;
use std::fmt::Write;

/// What fits on a line is not broken, in characters.
const WIDTH: usize = 96;

/// A value as JSON, its members in the document's order and its numbers as they are written there. Text that is no JSON
/// where it is used (a stream, XML) stays as it is.
pub(super) fn shown(value: &Field<'_>) -> String {
    match value {
        Field::Text(text) => text.to_string(),
        value => indented(value, 0),
    }
}

fn indented(value: &Field<'_>, indent: usize) -> String {
    let short = compact(value);
    if indent + short.chars().count() <= WIDTH {
        return short;
    }
    let pad = "  ".repeat(indent / 2 + 1);
    let (open, close, items): (_, _, Vec<String>) = match value {
        Field::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{pad}{}: {}", quoted(name), indented(value, indent + 2)));
            ('{', '}', members.collect())
        }
        Field::List(values) => {
            ('[', ']', values.iter().map(|value| format!("{pad}{}", indented(value, indent + 2))).collect())
        }
        _ => return short,
    };
    format!("{open}\n{}\n{}{close}", items.join(",\n"), "  ".repeat(indent / 2))
}

fn compact(value: &Field<'_>) -> String {
    match value {
        Field::Null => "null".to_owned(),
        Field::Bool(value) => value.to_string(),
        Field::Number(text) => (*text).to_owned(),
        Field::Text(text) => quoted(text),
        Field::List(values) => format!("[{}]", values.iter().map(compact).collect::<Vec<_>>().join(", ")),
        Field::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), compact(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The call as one types it; address and key are the shell's.
pub(super) fn curl(method: &str, path: &str, has_key: bool, body: Option<(&str, &str)>) -> String {
    let mut command = match method {
        "get" => "curl -sS".to_owned(),
        method => format!("curl -sS -X {}", method.to_ascii_uppercase()),
    };
    let _ = write!(command, " \"$GATEWAY{path}\"");
    if has_key {
        command.push_str(" \\\n  -H \"Authorization: Bearer $KEY\"");
    }
    if let Some((media_type, body)) = body {
        let body = body.replace('\'', "'\\''");
        let _ = write!(command, " \\\n  -H 'Content-Type: {media_type}' \\\n  --data-binary '{body}'");
    }
    command
}

/// The example of a media type: the one, or the first of many, with what it shows.
pub(super) fn first<'f>(media: &'f Field<'f>) -> Option<(&'f str, &'f Field<'f>)> {
    all(media).into_iter().next()
}

/// All examples of a media type, and what each shows.
pub(super) fn all<'f>(media: &'f Field<'f>) -> Vec<(&'f str, &'f Field<'f>)> {
    let one = media.member("example").map(|example| ("", example));
    let many = media.member("examples").map(Field::members).unwrap_or_default();
    let many =
        many.iter().filter_map(|(_, example)| Some((text(example, "summary"), example.member("value")?)));
    one.into_iter().chain(many).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json;

    #[test]
    fn an_example_keeps_its_order_and_its_digits() {
        let value = json::read(br#"{"b":12500.00,"a":[1,"x\"y"],"c":{"d":null}}"#).expect("JSON");
        assert_eq!(shown(&value), r#"{"b": 12500.00, "a": [1, "x\"y"], "c": {"d": null}}"#);
        let long = format!(r#"{{"a":"{}","b":{{"c":true}}}}"#, "x".repeat(WIDTH));
        let value = json::read(long.as_bytes()).expect("JSON");
        let shown = shown(&value);
        assert!(shown.ends_with("\",\n  \"b\": {\"c\": true}\n}"), "{shown}");
    }

    #[test]
    fn what_is_copied_into_a_shell_stays_one_word() {
        let command = curl("post", "/v1/events", true, Some(("application/json", "it's")));
        assert!(command.ends_with("--data-binary 'it'\\''s'"), "{command}");
        assert!(command.starts_with("curl -sS -X POST \"$GATEWAY/v1/events\" \\\n"));
    }
}
