//! What a platform would refuse, or take and then fail on, in a file that it imports or that is copied into it.

mod cxone;
mod genesys;

use crate::cli::shell::{Failed, Output, say};
use serde_json::{Value, json};

/// What CXone reads at most, and what stays well below what Genesys takes, in bytes.
pub(super) const SIZE_MAX: usize = 32 * 1024;
/// The deepest JSON that Genesys reads.
const DEPTH_MAX: usize = 50;

/// What breaks a rule: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) at: String,
    pub(super) what: String,
}

/// All that breaks a rule.
pub(super) fn findings(text: &str) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    if depth(text) > DEPTH_MAX {
        findings.add("", format!("is nested deeper than {DEPTH_MAX} levels"));
        return findings.0;
    }
    let file: Value = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            findings.add("", format!("is no JSON: look at line {}, column {}", error.line(), error.column()));
            return findings.0;
        }
    };
    nulls(&file, "", &mut findings);
    if file.get("verb").is_some() || file["action"] == "REST API" {
        cxone::check(&file, &mut findings);
    } else {
        genesys::check(&file, &mut findings);
    }
    findings.0
}

/// Tells them, and fails where there is one.
pub(super) fn tell(findings: &[Finding], output: Output) -> Result<(), Failed> {
    let line = |finding: &Finding| format!("{}: {}", finding.at, finding.what);
    match output {
        Output::Text if findings.is_empty() => say("ok"),
        Output::Text => Err(Failed(findings.iter().map(line).collect())),
        Output::Json => {
            let list: Vec<_> =
                findings.iter().map(|finding| json!({ "at": finding.at, "what": finding.what })).collect();
            say(json!({ "ok": list.is_empty(), "findings": list }))?;
            if list.is_empty() { Ok(()) } else { Err(Failed(Vec::new())) }
        }
    }
}

/// Findings as they are gathered.
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, at: &str, what: impl Into<String>) {
        let at = if at.is_empty() { "the file" } else { at };
        self.0.push(Finding { at: at.to_owned(), what: what.into() });
    }

    /// A text that must be there.
    fn text<'f>(&mut self, file: &'f Value, at: &str) -> &'f str {
        let found = at.split('.').fold(file, |value, name| &value[name]);
        match found.as_str() {
            Some(text) => text,
            None => {
                self.add(at, if found.is_null() { "is missing" } else { "must be text" });
                ""
            }
        }
    }

    /// A whole number within bounds.
    fn number(&mut self, value: &Value, at: &str, most: u64) {
        if !value.as_u64().is_some_and(|number| (1..=most).contains(&number)) {
            self.add(
                at,
                format!("must be a whole number of seconds from 1 to {most}, above the source's deadline"),
            );
        }
    }

    /// An address; plain http only to this machine.
    fn url(&mut self, url: &str, at: &str) {
        if !url.starts_with("https://")
            && !url.starts_with("http://127.0.0.1")
            && !url.starts_with("http://localhost")
        {
            self.add(at, "must begin with https://");
        }
    }

    fn size(&mut self, text: &str, at: &str) {
        if text.len() > SIZE_MAX {
            self.add(at, format!("is larger than {} KB", SIZE_MAX / 1024));
        }
    }
}

fn nulls(value: &Value, at: &str, findings: &mut Findings) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::Null => {
            findings.add(at, "is null: leave it out, or write a value; defaults do not stand for nulls");
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(place, item)| nulls(item, &below(&place.to_string()), findings)),
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| nulls(value, &below(name), findings));
        }
        _ => {}
    }
}

/// How deep brackets are nested, outside strings.
fn depth(text: &str) -> usize {
    let (mut deepest, mut depth, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests;
