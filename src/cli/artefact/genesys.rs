//! A Genesys Cloud data action that calls a source, in the form that Genesys exports and imports.

use super::Call;
use super::answer::{OUTPUTS, default_of};
use super::inputs::{Input, body};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What Genesys calls the function that escapes a text for JSON; its pages know two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Escape {
    /// `$esc.jsonString(…)`
    #[value(name = "jsonString")]
    JsonString,
    /// `$esc.jsonEncode(…)`
    #[value(name = "jsonEncode")]
    JsonEncode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    name: String,
    integration_type: &'static str,
    action_type: &'static str,
    config: Config,
    contract: Value,
    secure: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    request: Request,
    response: Response,
    timeout_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    request_url_template: String,
    request_type: &'static str,
    headers: BTreeMap<&'static str, &'static str>,
    request_template: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    translation_map: BTreeMap<&'static str, String>,
    translation_map_defaults: BTreeMap<&'static str, &'static str>,
    success_template: String,
}

/// The data action as JSON.
pub(super) fn write(call: &Call, escape: Escape) -> String {
    let escape = match escape {
        Escape::JsonString => "jsonString",
        Escape::JsonEncode => "jsonEncode",
    };
    let filled = |input: &Input| {
        let name = &input.name;
        if input.quoted {
            format!("\"$esc.{escape}(${{input.{name}}})\"")
        } else {
            format!("${{input.{name}}}")
        }
    };
    let members = OUTPUTS.iter().map(|output| format!("\"{0}\":${{{0}}}", output.name));
    let contract = contract(call);
    let action = Action {
        name: format!("Xceed {} {}", call.source, version(&contract)),
        integration_type: "custom-rest-actions",
        action_type: "custom",
        config: Config {
            request: Request {
                request_url_template: call.url.clone(),
                request_type: "POST",
                headers: [
                    ("Accept", "application/json"),
                    ("Authorization", "Bearer ${credentials.apiKey}"),
                    ("Content-Type", "application/json"),
                ]
                .into(),
                request_template: body(&call.inputs, &filled),
            },
            response: Response {
                translation_map: OUTPUTS
                    .iter()
                    .map(|output| (output.name, format!("$.{}", output.name)))
                    .collect(),
                translation_map_defaults: OUTPUTS
                    .iter()
                    .map(|output| (output.name, default_of(output.name, call.fallback)))
                    .collect(),
                success_template: format!("{{{}}}", members.collect::<Vec<_>>().join(",")),
            },
            timeout_seconds: call.timeout_seconds,
        },
        contract,
        secure: false,
    };
    serde_json::to_string_pretty(&action).unwrap_or_default()
}

fn contract(call: &Call) -> Value {
    let input = |input: &Input| {
        let described = json!({ "type": input.kind, "description": format!("becomes {}", input.member) });
        (input.name.clone(), described)
    };
    let required: Vec<_> =
        call.inputs.iter().filter(|input| input.required).map(|input| input.name.as_str()).collect();
    let outputs: Map<String, Value> = OUTPUTS
        .iter()
        .map(|output| (output.name.to_owned(), json!({ "type": output.kind, "description": output.meaning })))
        .collect();
    let title = |what: &str| format!("{} {what}", call.source);
    json!({
        "input": { "inputSchema": {
            "title": title("input"),
            "type": "object",
            "properties": call.inputs.iter().map(input).collect::<Map<_, _>>(),
            "required": required,
            "additionalProperties": true
        } },
        "output": { "successSchema": {
            "title": title("answer"),
            "type": "object",
            "properties": outputs,
            "additionalProperties": true
        } }
    })
}

/// A published contract can't be changed, so another contract is another action: its name says which.
fn version(contract: &Value) -> String {
    let mut digits = hex::encode(Sha256::digest(contract.to_string()));
    digits.truncate(8);
    digits
}
