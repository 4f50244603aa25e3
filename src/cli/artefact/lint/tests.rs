//! The linter on files with planted mistakes.

use super::*;
use serde_json::Value;

fn told(text: &str) -> String {
    findings(text).iter().map(|finding| format!("{}: {}\n", finding.at, finding.what)).collect()
}

/// A good file in which one part is another.
fn planted(file: &str, pointer: &str, value: &Value) -> String {
    let mut file: Value = serde_json::from_str(file).expect("JSON");
    let (above, name) = pointer.rsplit_once('/').expect("a pointer");
    file.pointer_mut(above).expect("a place")[name] = value.clone();
    told(&file.to_string())
}

const GENESYS: &str = include_str!("../../../../deploy/genesys/genesys-assess.json");
const CXONE: &str = include_str!("../../../../deploy/cxone/cxone-assess.json");

#[test]
fn each_planted_mistake_is_found_in_a_genesys_action() {
    assert_eq!(told(GENESYS), "");
    let input = "/contract/input/inputSchema/properties";
    for (pointer, value, expected) in [
        ("/name".to_owned(), json!("x".repeat(257)), "name: must be 1 to 256"),
        ("/name".to_owned(), Value::Null, "name: is null"),
        ("/config/timeoutSeconds".to_owned(), json!(61), "from 1 to 60"),
        ("/config/request/requestType".to_owned(), json!("FETCH"), "requestType: must be one of"),
        ("/config/request/requestTypes".to_owned(), json!("POST"), "is called requestType"),
        ("/config/request/requestTemplateUri".to_owned(), json!("x.vm"), "requestTemplateUri: belongs to"),
        (
            "/config/request/requestTemplate".to_owned(),
            json!("{\"customer_id\":\"${input.customer_id}\"}"),
            "must escape the input customer_id: $esc.jsonString(${input.customer_id})",
        ),
        (
            "/config/request/requestTemplate".to_owned(),
            json!("{\"a\":\"$esc.jsonString(${input.nobody})\"}"),
            "reads the input nobody",
        ),
        ("/config/request/requestTemplate".to_owned(), json!("x".repeat(33 * 1024)), "is larger than 32 KB"),
        (
            "/config/request/requestUrlTemplate".to_owned(),
            json!("https://gateway.example/${input.customer_id}"),
            "requestUrlTemplate: must escape the input customer_id: $esc.url(",
        ),
        (
            "/config/request/requestUrlTemplate".to_owned(),
            json!("http://gateway.example"),
            "begin with https",
        ),
        ("/config/request/headers/Authorization".to_owned(), json!("Bearer abc"), "holds the API key itself"),
        ("/config/request/headers/Accept".to_owned(), json!("text/html"), "must accept JSON"),
        ("/config/request/headers/Content-Type".to_owned(), json!("text/plain"), "needs \"Content-Type\""),
        (
            "/config/response/translationMapDefaults/decision".to_owned(),
            json!("null"),
            "is null, which is no value",
        ),
        (
            "/config/response/translationMapDefaults/decision".to_owned(),
            json!("ALLOW"),
            "must be JSON in a text",
        ),
        (
            "/config/response/translationMap/more".to_owned(),
            json!("$.more"),
            "translationMapDefaults.more: is missing",
        ),
        ("/config/response/successTemplate".to_owned(), json!("{\"a\":${odd}}"), "reads odd"),
        (format!("{input}/orgId"), json!({ "type": "string" }), "keeps for itself"),
        (format!("{input}/1st"), json!({ "type": "string" }), "must be named with a letter"),
        (format!("{input}/nested"), json!({ "type": "object" }), "must be flat"),
        (format!("{input}/other"), json!({ "$ref": "#/x" }), "$ref"),
        (
            "/contract/output/successSchema/properties/list".to_owned(),
            json!({ "type": "array" }),
            "must be flat",
        ),
    ] {
        let told = planted(GENESYS, &pointer, &value);
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(51), "}".repeat(51));
    assert!(told(&deep).contains("deeper than 50"));
    assert!(told("{").contains("is no JSON"));
}

#[test]
fn each_planted_mistake_is_found_in_a_cxone_action() {
    assert_eq!(told(CXONE), "");
    for (pointer, value, expected) in [
        ("/verb", json!("SEND"), "verb: must be one of"),
        ("/timeoutSeconds", json!(91), "from 1 to 90"),
        ("/timeoutSeconds", json!(0), "from 1 to 90"),
        ("/url", json!("http://gateway.example/v1/cxone/assess"), "begin with https"),
        ("/headers", json!("{\n}"), "headers: must stand on one line"),
        ("/headers", json!("{\"Authorization\":\"Bearer {k}\"}"), "says that the body is a form"),
        (
            "/headers",
            json!("{\"Content-Type\":\"application/json\",\"X-Api-Key\":\"abc\"}"),
            "holds the API key itself",
        ),
        ("/body", json!("{\"a\":{b}"), "is no JSON object"),
        ("/body", json!("{\"a\":\n1}"), "body: must stand on one line"),
        ("/body", json!(format!("{{\"a\":\"{}\"}}", "x".repeat(33 * 1024))), "is larger than 32 KB"),
        ("/onFailure", Value::Null, "onFailure: is null"),
    ] {
        let told = planted(CXONE, pointer, &value);
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    assert_eq!(planted(CXONE, "/body", &json!("{xceedBody}")), "");
}
