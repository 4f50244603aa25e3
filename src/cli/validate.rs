//! `xceed-gateway validate`

use super::shell::{Failed, Output, say};
use super::tenant::{TenantOption, documents, no_such_set};
use super::{event, input};
use crate::config::{Config, Documents};
use crate::domain::event::FieldFault;
use crate::http::body::SIZE_MAX;
use crate::xceed::schema::{Element, MAX_DOCUMENT_BYTES, Rule, SchemaSet, Violation};
use clap::Args;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Holds a payload (XML) or an event (JSON) against a schema set, and tells everything that is wrong.
///
/// A payload is held against the set that its version attribute names, an event against the tenant's; without a
/// configuration against those that ship.
///
/// Example:  xceed-gateway validate payload.xml
///
/// Against sets of your own:  xceed-gateway validate payload.xml --schemas xsd
///
/// An event of a tenant:  xceed-gateway validate event.json --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The payload or the event; - for standard input.
    file: PathBuf,
    /// The version of the schema set to hold it against.
    #[arg(long, value_name = "VERSION")]
    schema: Option<String>,
    /// A folder of schema sets to use instead of those that ship.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    schemas: Option<PathBuf>,
    #[command(flatten)]
    tenant: TenantOption,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Something that a payload does wrong.
struct Fault {
    /// `/Events/Event[2]/CustomerId`
    path: String,
    rule: &'static str,
    message: String,
}

/// What was found out about a file.
struct Report {
    kind: &'static str,
    schema: Option<String>,
    /// One for each thing that is wrong.
    lines: Vec<String>,
    errors: Value,
}

impl Validate {
    pub(super) fn run(self) -> Result<(), Failed> {
        let bytes = input::read(&self.file, MAX_DOCUMENT_BYTES)?;
        let without_mark = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let report = match without_mark.trim_ascii_start().first() {
            Some(b'{') => self.event(&bytes)?,
            Some(b'<') => self.payload(&bytes)?,
            _ => {
                let why = "is neither a payload, which begins with <, nor an event, which begins with {";
                return Err(Failed::because(format!("{}: {why}", self.file.display())));
            }
        };
        report.print(self.output)
    }

    fn event(&self, body: &[u8]) -> Result<Report, Failed> {
        let chosen = self.tenant.choose(self.schemas.as_deref(), self.schema.as_deref())?;
        let faults = if body.len() > SIZE_MAX {
            let message = format!("the body of one event is {SIZE_MAX} bytes at most");
            vec![FieldFault::new("", "too_large", message)]
        } else {
            event::prepare(&chosen, body).err().unwrap_or_default()
        };
        let lines = faults.iter().map(event::line).collect();
        Ok(Report { kind: "event", schema: Some(chosen.schema), lines, errors: event::errors(&faults) })
    }

    fn payload(&self, bytes: &[u8]) -> Result<Report, Failed> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Ok(Report::of_payload(None, &[fault("/", Rule::NotWellFormed, "is not UTF-8")]));
        };
        let documents = match &self.tenant.config {
            Some(file) => Config::read(file).map_err(Failed)?.documents,
            None => documents(self.schemas.as_deref())?,
        };
        let version = match &self.schema {
            Some(version) if documents.versions.contains_key(version) => version.clone(),
            Some(version) => return Err(no_such_set(version, &documents)),
            None => match named_version(text, &documents) {
                Ok(version) => version,
                Err(fault) => return Ok(Report::of_payload(None, &[fault])),
            },
        };
        let schemas = documents.versions.get(&version).map(|texts| texts.schemas.clone()).unwrap_or_default();
        let set = SchemaSet::load(&version, schemas).map_err(Failed)?;
        let violations = set.validate(text);
        let faults = violations.iter().map(|one| fault(&path(&set, one), one.rule, &one.message));
        Ok(Report::of_payload(Some(version), &faults.collect::<Vec<_>>()))
    }
}

/// The version that a payload's root names, if there is such a set. A text that can't be read so far is left to any
/// set, which says where it breaks.
fn named_version(text: &str, documents: &Documents) -> Result<String, Fault> {
    let there: Vec<_> = documents.versions.keys().map(String::as_str).collect();
    let cure = format!("name one of {} with --schema", there.join(", "));
    let (rule, message) = match version_attribute(text) {
        Ok(Some(version)) if documents.versions.contains_key(&version) => return Ok(version),
        Ok(Some(_)) => (Rule::Enumeration, "is of no schema set that is here"),
        Ok(None) => (Rule::Required, "is missing, so the schema set is not known"),
        Err(_) => return Ok(documents.versions.keys().next_back().cloned().unwrap_or_default()),
    };
    Err(fault("/*/@version", rule, &format!("{message}: {cure}")))
}

fn version_attribute(text: &str) -> Result<Option<String>, quick_xml::Error> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event()? {
            Event::Start(root) | Event::Empty(root) => {
                let version = root.try_get_attribute("version")?;
                return Ok(version.map(|version| version.value.into_owned()));
            }
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

fn fault(path: &str, rule: Rule, message: &str) -> Fault {
    Fault { path: path.to_owned(), rule: rule.name(), message: message.to_owned() }
}

/// Where a violation is: `/Events/Event[2]/CustomerId`.
fn path(set: &SchemaSet, violation: &Violation) -> String {
    if violation.path.is_empty() {
        return "/".to_owned();
    }
    let mut element = Some(set.document());
    let mut path = format!("/{}", set.document().name);
    let mut is_counted = false;
    for name in &violation.path {
        path.push('/');
        path.push_str(name);
        element = element.and_then(|element| element.child(name));
        if !is_counted && element.is_some_and(Element::is_repeated) {
            is_counted = true;
            path.push_str(&format!("[{}]", violation.occurrence + 1));
        }
    }
    path
}

impl Report {
    fn of_payload(schema: Option<String>, faults: &[Fault]) -> Self {
        let line = |Fault { path, rule, message }: &Fault| format!("{path}: {rule}: {message}");
        let error =
            |fault: &Fault| json!({ "path": fault.path, "rule": fault.rule, "message": fault.message });
        let lines = faults.iter().map(line).collect();
        Self { kind: "payload", schema, lines, errors: faults.iter().map(error).collect() }
    }

    fn print(&self, output: Output) -> Result<(), Failed> {
        let is_valid = self.lines.is_empty();
        let set = self.schema.as_ref().map(|schema| format!(" of schema set {schema}")).unwrap_or_default();
        let Self { kind, lines, .. } = self;
        let article = if *kind == "event" { "an" } else { "a" };
        match output {
            Output::Json => {
                let (schema, errors) = (&self.schema, &self.errors);
                say(json!({ "valid": is_valid, "kind": kind, "schema": schema, "errors": errors }))?;
                if is_valid { Ok(()) } else { Err(Failed(Vec::new())) }
            }
            Output::Text if is_valid => say(format!("valid: {article} {kind}{set}")),
            Output::Text => {
                lines.iter().try_for_each(say)?;
                Err(Failed::because(format!("not valid as {article} {kind}{set}: {} to mend", lines.len())))
            }
        }
    }
}
