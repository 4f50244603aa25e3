//! The parameters of CXone Studio's REST API action for a call of a source, to be copied into it.

use super::Call;
use super::answer::{OUTPUTS, Output, default_of};
use super::inputs::{Input, body};
use serde::Serialize;
use serde_json::json;

/// The Studio variable that holds the API key.
const KEY: &str = "xceedApiKey";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    action: &'static str,
    verb: &'static str,
    url: String,
    timeout_seconds: u64,
    headers: String,
    body: String,
    snippet: Vec<String>,
    variables: Vec<Variable>,
    answer: [Output; 8],
    on_failure: serde_json::Value,
    notes: Vec<&'static str>,
}

#[derive(Serialize)]
struct Variable {
    name: String,
    feeds: String,
    required: bool,
}

/// The parameters as JSON.
pub(super) fn write(call: &Call) -> String {
    let filled = |input: &Input| {
        let name = &input.name;
        if input.quoted { format!("\"{{{name}}}\"") } else { format!("{{{name}}}") }
    };
    // Without the type CXone says that the body is a form.
    let headers = json!({
        "Accept": "application/json",
        "Authorization": format!("Bearer {{{KEY}}}"),
        "Content-Type": "application/json"
    });
    let variable = |input: &Input| Variable {
        name: input.name.clone(),
        feeds: input.member.clone(),
        required: input.required,
    };
    let key = Variable { name: KEY.to_owned(), feeds: "the API key".to_owned(), required: true };
    let parameters = Parameters {
        action: "REST API",
        verb: "POST",
        url: call.url.clone(),
        timeout_seconds: call.timeout_seconds,
        headers: headers.to_string(),
        body: body(&call.inputs, &filled),
        snippet: snippet(&call.inputs),
        variables: std::iter::once(key).chain(call.inputs.iter().map(variable)).collect(),
        answer: OUTPUTS,
        on_failure: OUTPUTS
            .iter()
            .map(|output| {
                let default = default_of(output.name, call.fallback);
                (output.name.to_owned(), serde_json::from_str(default).unwrap_or_default())
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        notes: vec![
            "Headers and body stand on one line each. {name} is a Studio variable.",
            "Values with quotes or line ends in them: make the body by the snippet, and put {xceedBody} into its place.",
            "The same call again is the same event, so that CXone may repeat it.",
            "The script's way for a failed call goes on with the values of onFailure.",
        ],
    };
    serde_json::to_string_pretty(&parameters).unwrap_or_default()
}

/// Lines of a SNIPPET action that make the body of a dynamic data object, which escapes what needs it.
fn snippet(inputs: &[Input]) -> Vec<String> {
    let mut lines = vec!["DYNAMIC xceed".to_owned()];
    let line = |input: &Input| format!("xceed.{} = \"{{{}}}\"", input.place.join("."), input.name);
    lines.extend(inputs.iter().map(line));
    lines.push("ASSIGN xceedBody = \"{xceed.asjson()}\"".to_owned());
    lines
}
