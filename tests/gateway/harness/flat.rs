//! The flat answer, held against its published schema by a checker of its own: closed, all members required, each with
//! its type, its bounds and its words.

use super::folder::repository;
use super::http::Response;
use serde_json::Value;
use std::fs;

/// An answer of a platform's door: status 200, short, valid against the schema.
#[track_caller]
pub(crate) fn flat(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.body.len() < 2048, "{} bytes", response.body.len());
    let (answer, schema) = (response.json(), schema());
    let members = answer.as_object().unwrap_or_else(|| panic!("no object: {answer}"));
    let required = schema["required"].as_array().expect("a list");
    assert_eq!(members.len(), required.len(), "{answer}");
    for name in required.iter().filter_map(Value::as_str) {
        let rule = &schema["properties"][name];
        assert!(follows(&answer[name], rule), "{name} of {answer} against {rule}");
    }
    answer
}

fn schema() -> Value {
    let text =
        fs::read_to_string(repository("src/sources/flat-answer.schema.json")).expect("it is published");
    serde_json::from_str(&text).expect("JSON")
}

fn follows(value: &Value, rule: &Value) -> bool {
    let bound = |name: &str| rule[name].as_f64();
    let within = |size: f64, least: &str, most: &str| {
        bound(least).is_none_or(|least| size >= least) && bound(most).is_none_or(|most| size <= most)
    };
    match rule["type"].as_str() {
        Some("number") => value.as_f64().is_some_and(|number| within(number, "minimum", "maximum")),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.as_str().is_some_and(|text| {
            let is_word = rule["enum"].as_array().is_none_or(|words| words.contains(value));
            is_word && within(text.chars().count() as f64, "minLength", "maxLength")
        }),
        _ => false,
    }
}
