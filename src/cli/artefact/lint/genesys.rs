//! The rules of Genesys Cloud's data actions.

use super::Findings;
use crate::cli::artefact::inputs::RESERVED;
use serde_json::{Map, Value};

const VERBS: [&str; 5] = ["GET", "PUT", "POST", "PATCH", "DELETE"];
const SCALARS: [&str; 4] = ["string", "integer", "number", "boolean"];
const NAME_MAX: usize = 256;
const TIMEOUT_MAX: u64 = 60;
/// What an organisation's own export adds, and what an import passes over or falls on.
const FOREIGN: [&str; 4] = ["requestTemplateUri", "successTemplateUri", "inputSchemaUri", "successSchemaUri"];

pub(super) fn check(file: &Value, findings: &mut Findings) {
    let name = findings.text(file, "name");
    if name.is_empty() || name.chars().count() > NAME_MAX {
        findings.add("name", format!("must be 1 to {NAME_MAX} characters"));
    }
    if findings.text(file, "integrationType") != "custom-rest-actions" {
        findings.add("integrationType", "must be \"custom-rest-actions\", as web services are");
    }
    findings.number(&file["config"]["timeoutSeconds"], "config.timeoutSeconds", TIMEOUT_MAX);
    foreign(file, "", findings);
    let inputs = check_input(&file["contract"]["input"]["inputSchema"], findings);
    check_request(file, &inputs, findings);
    check_response(file, findings);
}

/// The names of the inputs.
fn check_input(schema: &Value, findings: &mut Findings) -> Vec<String> {
    let at = "contract.input.inputSchema";
    let Some(properties) = properties(schema, at, findings) else { return Vec::new() };
    for (name, property) in properties {
        let place = format!("{at}.properties.{name}");
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            findings.add(&place, "must be named with a letter, and then letters, digits, - and _");
        }
        if RESERVED.contains(&name.as_str()) {
            findings
                .add(&place, format!("is a name that Genesys keeps for itself, as {}", RESERVED.join(", ")));
        }
        scalar(property, &place, findings);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if !required.as_str().is_some_and(|name| properties.contains_key(name)) {
            findings.add(&format!("{at}.required"), "names an input that there is none of");
        }
    }
    properties.keys().cloned().collect()
}

fn properties<'s>(schema: &'s Value, at: &str, findings: &mut Findings) -> Option<&'s Map<String, Value>> {
    if schema["type"] != "object" {
        findings.add(at, "must have \"type\": \"object\"");
    }
    let properties = schema["properties"].as_object();
    if properties.is_none() {
        findings.add(&format!("{at}.properties"), "is missing");
    }
    properties
}

fn scalar(property: &Value, at: &str, findings: &mut Findings) {
    if property.get("$ref").is_some() {
        findings.add(at, "must not refer to another schema by $ref");
    }
    if !property["type"].as_str().is_some_and(|kind| SCALARS.contains(&kind)) {
        findings.add(at, format!("must be flat: its type one of {}", SCALARS.join(", ")));
    }
}

fn check_request(file: &Value, inputs: &[String], findings: &mut Findings) {
    let request = &file["config"]["request"];
    let at = "config.request.requestType";
    let alike = request.as_object().into_iter().flatten().map(|(key, _)| key);
    let alike: Vec<_> = alike.filter(|key| key.starts_with("requestType") && *key != "requestType").collect();
    for key in &alike {
        findings.add(&format!("config.request.{key}"), "is called requestType");
    }
    if alike.is_empty() {
        let verb = findings.text(file, at);
        if !VERBS.contains(&verb) {
            findings.add(at, format!("must be one of {}", VERBS.join(", ")));
        }
    }
    let url = findings.text(file, "config.request.requestUrlTemplate");
    findings.url(url, "config.request.requestUrlTemplate");
    check_references(
        url,
        "config.request.requestUrlTemplate",
        inputs,
        &["esc.url(", "esc.uriEncode("],
        findings,
    );
    let template = findings.text(file, "config.request.requestTemplate");
    findings.size(template, "config.request.requestTemplate");
    let escapes = ["esc.jsonString(", "esc.jsonEncode("];
    check_references(template, "config.request.requestTemplate", inputs, &escapes, findings);
    check_headers(&request["headers"], findings);
}

/// Every `${input.x}` is an input; one in quotes, or in an address, is escaped.
fn check_references(text: &str, at: &str, inputs: &[String], escapes: &[&str], findings: &mut Findings) {
    let is_url = at.ends_with("UrlTemplate");
    let mut quotes = 0;
    let mut before = 0;
    for (place, _) in text.match_indices("input.") {
        let reference = ["${", "$!{"].into_iter().find(|start| text[..place].ends_with(start));
        let Some(start) = reference else { continue };
        let begin = place - start.len();
        quotes += unescaped_quotes(&text[before..begin]);
        before = begin;
        let name = text[place + "input.".len()..].split('}').next().unwrap_or_default();
        if name != "rawRequest" && !inputs.iter().any(|input| input == name) {
            findings.add(at, format!("reads the input {name}, which the contract has not"));
        }
        let is_escaped = escapes.iter().any(|escape| text[..begin].ends_with(escape));
        if !is_escaped && (is_url || quotes % 2 == 1) {
            let escape = escapes.first().copied().unwrap_or_default();
            findings.add(at, format!("must escape the input {name}: ${escape}${{input.{name}}})"));
        }
    }
}

fn unescaped_quotes(text: &str) -> usize {
    let mut escaped = false;
    let is_quote = |byte: u8| {
        let quote = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        quote
    };
    text.bytes().map(is_quote).filter(|quote| *quote).count()
}

fn check_headers(headers: &Value, findings: &mut Findings) {
    let at = "config.request.headers";
    let Some(headers) = headers.as_object() else { return findings.add(at, "is missing") };
    let header = |name: &str| {
        let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    if header("Content-Type") != Some("application/json") {
        findings.add(at, "needs \"Content-Type\": \"application/json\"");
    }
    if header("Accept").is_some_and(|accept| !accept.contains("json") && accept != "*/*") {
        findings.add(at, "must accept JSON, where it has an Accept at all");
    }
    match header("Authorization").or_else(|| header("X-Api-Key")) {
        None => findings.add(at, "needs \"Authorization\": \"Bearer ${credentials.apiKey}\""),
        Some(key) if !key.contains("{credentials.") => {
            findings.add(
                at,
                "holds the API key itself: keep it in the integration's credentials, ${credentials.apiKey}",
            );
        }
        Some(_) => {}
    }
}

fn check_response(file: &Value, findings: &mut Findings) {
    let response = &file["config"]["response"];
    let empty = Map::new();
    let map = |name: &str| response[name].as_object().unwrap_or(&empty);
    let (paths, defaults) = (map("translationMap"), map("translationMapDefaults"));
    for (name, path) in paths {
        if !path.as_str().is_some_and(|path| path.starts_with('$')) {
            findings.add(&format!("config.response.translationMap.{name}"), "must be a JSONPath");
        }
        let at = format!("config.response.translationMapDefaults.{name}");
        match defaults.get(name).map(|default| default.as_str().map(serde_json::from_str::<Value>)) {
            None => findings.add(&at, "is missing: say what stands for it where the answer lacks it"),
            Some(Some(Ok(Value::Null))) => {
                findings.add(&at, "is null, which is no value: write \"\\\"\\\"\" or a number");
            }
            Some(Some(Ok(_))) => {}
            Some(_) => findings
                .add(&at, "must be JSON in a text: a text in quotes of its own, such as \"\\\"ALLOW\\\"\""),
        }
    }
    let template = findings.text(file, "config.response.successTemplate");
    let schema = &file["contract"]["output"]["successSchema"];
    if let Some(properties) = properties(schema, "contract.output.successSchema", findings) {
        for (name, property) in properties {
            scalar(property, &format!("contract.output.successSchema.properties.{name}"), findings);
        }
    }
    for (place, _) in template.match_indices("${") {
        let name = template[place + 2..].split('}').next().unwrap_or_default();
        if name != "rawResult" && !name.contains('.') && !paths.contains_key(name) {
            findings.add(
                "config.response.successTemplate",
                format!("reads {name}, which translationMap has not"),
            );
        }
    }
}

fn foreign(value: &Value, at: &str, findings: &mut Findings) {
    for (name, below) in value.as_object().into_iter().flatten() {
        let place = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        if FOREIGN.contains(&name.as_str()) || name.ends_with("Flattened") {
            findings.add(
                &place,
                "belongs to the organisation that exported it: put the text itself into the file",
            );
        }
        foreign(below, &place, findings);
    }
}
