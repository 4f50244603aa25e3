//! The rules of CXone Studio's REST API action.

use super::Findings;
use serde_json::Value;

const VERBS: [&str; 5] = ["GET", "PUT", "POST", "DELETE", "PATCH"];
/// The longest that CXone waits, in seconds.
const TIMEOUT_MAX: u64 = 90;

pub(super) fn check(file: &Value, findings: &mut Findings) {
    let verb = findings.text(file, "verb");
    if !verb.is_empty() && !VERBS.contains(&verb) {
        findings.add("verb", format!("must be one of {}", VERBS.join(", ")));
    }
    let url = findings.text(file, "url");
    findings.url(url, "url");
    findings.number(&file["timeoutSeconds"], "timeoutSeconds", TIMEOUT_MAX);
    let headers = findings.text(file, "headers");
    check_headers(headers, findings);
    if verb != "GET" {
        let body = findings.text(file, "body");
        one_line(body, "body", findings);
        findings.size(body, "body");
        check_body(body, findings);
    }
}

fn check_headers(headers: &str, findings: &mut Findings) {
    one_line(headers, "headers", findings);
    let Ok(Value::Object(read)) = serde_json::from_str(headers) else {
        return findings
            .add("headers", "must be a JSON object on one line: {\"Content-Type\":\"application/json\"}");
    };
    let header = |name: &str| read.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    if header("Content-Type").and_then(Value::as_str) != Some("application/json") {
        let why =
            "needs \"Content-Type\":\"application/json\": without it CXone says that the body is a form";
        findings.add("headers", why);
    }
    let key = header("Authorization").or_else(|| header("X-Api-Key")).and_then(Value::as_str);
    match key {
        None => findings.add("headers", "needs \"Authorization\":\"Bearer {xceedApiKey}\""),
        Some(key) if !key.contains('{') => {
            findings
                .add("headers", "holds the API key itself: keep it in a variable, and write {xceedApiKey}");
        }
        Some(_) => {}
    }
}

/// With each variable replaced it must be JSON.
fn check_body(body: &str, findings: &mut Findings) {
    let mut filled = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        let name = behind[1..].split('}').next().unwrap_or_default();
        let is_variable = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.()".contains(&byte));
        if is_variable && behind[1..].len() > name.len() {
            filled.push('1');
            rest = &behind[name.len() + 2..];
        } else {
            filled.push('{');
            rest = &behind[1..];
        }
    }
    filled.push_str(rest);
    let is_whole = body.starts_with('{') && filled == "1";
    if !is_whole && !matches!(serde_json::from_str(&filled), Ok(Value::Object(_))) {
        findings.add("body", "is no JSON object once its {variables} are filled in");
    }
}

fn one_line(text: &str, at: &str, findings: &mut Findings) {
    if text.contains(['\n', '\r']) {
        findings.add(at, "must stand on one line");
    }
}
