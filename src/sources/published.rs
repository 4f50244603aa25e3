//! The published schema of the flat answer, and answers held against it. For tests alone.

use serde_json::Value;

/// Holds an answer against the schema: closed, all members required, each with its type, its bounds and its words.
#[track_caller]
pub(crate) fn is_valid(flat: &[u8]) {
    let schema: Value = serde_json::from_str(include_str!("flat-answer.schema.json")).expect("JSON");
    let flat: Value = serde_json::from_slice(flat).expect("JSON");
    let members = flat.as_object().expect("an object");
    let required = schema["required"].as_array().expect("a list");
    assert_eq!(members.len(), required.len());
    for name in required.iter().filter_map(Value::as_str) {
        let (value, rule) = (&flat[name], &schema["properties"][name]);
        assert!(follows(value, rule), "{name}: {value} against {rule}");
    }
}

fn follows(value: &Value, rule: &Value) -> bool {
    let at_least = |found: f64, bound: &str| rule[bound].as_f64().is_none_or(|bound| found >= bound);
    let at_most = |found: f64, bound: &str| rule[bound].as_f64().is_none_or(|bound| found <= bound);
    match rule["type"].as_str() {
        Some("number") => value.as_f64().is_some_and(|n| at_least(n, "minimum") && at_most(n, "maximum")),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.as_str().is_some_and(|text| {
            let length = text.chars().count() as f64;
            let is_word = rule["enum"].as_array().is_none_or(|words| words.contains(value));
            is_word && at_least(length, "minLength") && at_most(length, "maxLength")
        }),
        _ => false,
    }
}

#[test]
fn the_schema_refuses_what_no_answer_is() {
    let good = r#"{"riskScore":-1.0,"isHighRisk":true,"decision":"ALLOW","actionReason":"","outcome":"SCORED","basis":"action","returnCode":"","eventId":"e-1"}"#;
    is_valid(good.as_bytes());
    for (part, bad) in [
        ("-1.0", "null"),
        ("-1.0", "\"73\""),
        ("-1.0", "101"),
        ("true", "1"),
        ("\"ALLOW\"", "\"allow\""),
        ("\"action\"", "\"\""),
        ("\"e-1\"", "\"\""),
        ("\"riskScore\":-1.0,", ""),
        ("{", "{\"more\":1,"),
    ] {
        let text = good.replacen(part, bad, 1);
        assert!(std::panic::catch_unwind(|| is_valid(text.as_bytes())).is_err(), "{text}");
    }
}
