//! An event in a file, on its way into a payload; and what is wrong with it, in words.

use super::tenant::Chosen;
use crate::application::ports::Prepared;
use crate::domain::event::FieldFault;
use crate::domain::field::Field;
use crate::http::json;
use crate::sources::{Name, Source};
use crate::telemetry;
use crate::xceed::soap_client;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Translates an event as the gateway would if it arrived now; or tells everything that is wrong with it.
pub(super) fn prepare(chosen: &Chosen, body: &[u8]) -> Result<Prepared, Vec<FieldFault>> {
    soap_client::prepare(&chosen.link, &fields(body)?, telemetry::now())
}

/// The event that a source makes of a body, as JSON, and what becomes of it.
pub(super) fn read(
    chosen: &Chosen,
    source: &Source,
    body: &[u8],
) -> (Option<String>, Result<Prepared, Vec<FieldFault>>) {
    let body = match fields(body) {
        Ok(body) => body,
        Err(faults) => return (None, Err(faults)),
    };
    let reading = source.read(&chosen.name, &body);
    let (missing, name) = (reading.missing.clone(), reading.name.clone());
    let event = match name {
        Name::Given => reading.named(String::new()),
        Name::Derived(id) => reading.named(id),
        // The gateway puts the number of the two minutes behind it, in which the first such call came.
        Name::Fleeting(id) => reading.named(format!("{id}.0")),
    };
    let prepared = soap_client::prepare(&chosen.link, &event, telemetry::now());
    let faults = prepared.as_ref().err().cloned().unwrap_or_default();
    let faults: Vec<_> =
        missing.into_iter().chain(faults.into_iter().map(|fault| source.locate(fault))).collect();
    (Some(shown(&event, "")), if faults.is_empty() { prepared } else { Err(faults) })
}

/// JSON for people, a line for each member; the text of numbers stays.
fn shown(field: &Field<'_>, indent: &str) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let deeper = format!("{indent}  ");
    let lines = |items: Vec<String>, (open, close): (char, char)| {
        let lines: Vec<_> = items.into_iter().map(|item| format!("\n{deeper}{item}")).collect();
        format!("{open}{}\n{indent}{close}", lines.join(","))
    };
    match field {
        Field::Null => "null".to_owned(),
        Field::Bool(value) => value.to_string(),
        Field::Number(number) => (*number).to_owned(),
        Field::Text(value) => text(value),
        Field::List(items) => lines(items.iter().map(|item| shown(item, &deeper)).collect(), ('[', ']')),
        Field::Object(members) => {
            let member = |(name, value): &(Cow<'_, str>, Field<'_>)| {
                format!("{}: {}", text(name), shown(value, &deeper))
            };
            lines(members.iter().map(member).collect(), ('{', '}'))
        }
    }
}

fn fields(body: &[u8]) -> Result<Field<'_>, Vec<FieldFault>> {
    json::read(body).map_err(|unreadable| {
        let message = match body.strip_prefix("\u{feff}".as_bytes()) {
            Some(_) => "the file begins with a byte order mark: save it without one".to_owned(),
            None => unreadable.to_string(),
        };
        vec![FieldFault::new("", unreadable.name(), message)]
    })
}

/// A fault as a line: `field (element): rule: message`.
pub(super) fn line(fault: &FieldFault) -> String {
    let FieldFault { field, element, rule, message } = fault;
    match element {
        Some(element) => format!("{field} ({element}): {rule}: {message}"),
        None if field.is_empty() => format!("{rule}: {message}"),
        None => format!("{field}: {rule}: {message}"),
    }
}

/// Faults as the gateway's own answers have them.
pub(super) fn errors(faults: &[FieldFault]) -> Value {
    let error = |fault: &FieldFault| json!({ "field": fault.field, "element": fault.element, "rule": fault.rule, "message": fault.message });
    faults.iter().map(error).collect()
}
