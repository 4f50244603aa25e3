//! An event in a file, on its way into a payload; and what is wrong with it, in words.

use super::tenant::Chosen;
use crate::application::ports::Prepared;
use crate::domain::event::FieldFault;
use crate::http::json;
use crate::telemetry;
use crate::xceed::soap_client;
use serde_json::{Value, json};

/// Translates an event as the gateway would if it arrived now; or tells everything that is wrong with it.
pub(super) fn prepare(chosen: &Chosen, body: &[u8]) -> Result<Prepared, Vec<FieldFault>> {
    let event = json::read(body).map_err(|unreadable| {
        let message = match body.strip_prefix("\u{feff}".as_bytes()) {
            Some(_) => "the file begins with a byte order mark: save it without one".to_owned(),
            None => unreadable.to_string(),
        };
        vec![FieldFault::new("", unreadable.name(), message)]
    })?;
    soap_client::prepare(&chosen.link, &event, telemetry::now())
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
