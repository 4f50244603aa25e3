//! One document through the library: what is taken, what is refused, which errors are kept.
//!
//! The fences stand here: limits before anything is kept, no DOCTYPE, nothing fetched, XML 1.0 in
//! UTF-8 alone. What the errors mean is told elsewhere (`violations.rs`). Source: XML 1.0.

use std::cell::{Cell, RefCell};

use xsd_schema::validation::{
    DoctypeView, DriveWithError, EndElementInfo, SchemaValidator, ValidationEventHandler, ValidationRoot,
    ValidationSink, ValidationWarning, drive_quick_xml_with_in,
};
use xsd_schema::xml::{LimitExceeded, NotWellFormed, ParseLimits, WellFormednessRule, XmlDeclaration};
use xsd_schema::{ElementKey, InstanceValidationError, SchemaSet};

use super::violations::{Rule, Violation};

/// The largest document that is taken: twice a chunk of events.
pub const MAX_DOCUMENT_BYTES: usize = 2 << 20;
/// The longest text of one element, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// Errors of the library that are kept; a document with more is not read further.
pub(super) const MAX_ERRORS: usize = 50;
/// Errors that the library may report, repetitions included.
const MAX_REPORTED: usize = 5_000;
/// Elements inside one another.
pub(super) const MAX_DEPTH: usize = 32;
/// Elements, attributes, texts and comments in all: 500 events of 60 elements, each with its text
/// and the white space before it.
pub(super) const MAX_NODES: usize = 100_000;

const LIMITS: ParseLimits = {
    let mut limits = ParseLimits::none();
    limits.max_depth = Some(MAX_DEPTH);
    limits.max_attributes = Some(64);
    limits.max_namespace_declarations = Some(32);
    limits.max_namespaces_in_scope = Some(32);
    limits.max_name_bytes = Some(128);
    limits.max_namespace_uri_bytes = Some(512);
    limits.max_attribute_value_bytes = Some(4096);
    limits.max_text_bytes = Some(MAX_TEXT_BYTES);
    limits.max_nodes = Some(MAX_NODES);
    limits
};

/// What became of one document.
pub(super) enum Verdict {
    /// It was read, to its end or until enough was wrong with it.
    Read(Vec<InstanceValidationError>),
    /// It was not taken.
    Refused(Violation),
}

/// Reads one document.
pub(super) fn check(
    validator: &SchemaValidator<'_>,
    set: &SchemaSet,
    root: ElementKey,
    document: &str,
    buffer: &mut Vec<u8>,
) -> Verdict {
    let tally = Tally::default();
    let mut run = validator.start_run(Sink { tally: &tally });
    run.set_parse_limits(LIMITS);
    run.set_validation_root(ValidationRoot::Element(root));
    let mut gate = Gate { tally: &tally };
    let driven = drive_quick_xml_with_in(document.as_bytes(), &mut run, set, &mut gate, buffer);
    let refused = match driven {
        // The library gives a document up whose content model has too many ways through it.
        Ok(_) => run.end_validation().err().map(|_| too_involved()),
        Err(DriveWithError::Hook(Halt::Enough)) => None,
        Err(DriveWithError::Hook(Halt::Refused(violation))) => Some(violation),
        Err(DriveWithError::LimitExceeded(error)) => Some(beyond_limit(&error)),
        Err(DriveWithError::NotWellFormed(error)) => Some(not_well_formed(&error)),
        Err(_) => Some(Violation::of_document(Rule::NotWellFormed, "could not be read")),
    };
    drop(run);
    refused.map_or_else(|| Verdict::Read(tally.errors.into_inner()), Verdict::Refused)
}

fn too_involved() -> Violation {
    Violation::of_document(Rule::Limit, "is too involved to check")
}

fn beyond_limit(error: &LimitExceeded) -> Violation {
    let (position, limit, max) = (error.position(), error.limit().description(), error.max());
    let message = format!("exceeds a limit at byte {position}: {limit}, at most {max}");
    Violation::of_document(Rule::Limit, message)
}

fn not_well_formed(error: &NotWellFormed) -> Violation {
    if error.rule() == WellFormednessRule::DocumentTypeDeclaration {
        return no_doctype();
    }
    let message = format!("is not well-formed XML at byte {} ({})", error.position(), error.rule());
    Violation::of_document(Rule::NotWellFormed, message)
}

fn no_doctype() -> Violation {
    Violation::of_document(Rule::Doctype, "may not have a DOCTYPE")
}

/// The errors of one document.
#[derive(Default)]
struct Tally {
    errors: RefCell<Vec<InstanceValidationError>>,
    /// How many there were, with those that were not kept.
    reported: Cell<usize>,
}

impl Tally {
    fn is_enough(&self) -> bool {
        self.reported.get() >= MAX_REPORTED || self.errors.borrow().len() >= MAX_ERRORS
    }
}

/// Why a document is not read further.
enum Halt {
    Enough,
    Refused(Violation),
}

/// Refuses what the library itself would read past, and stops it when enough is wrong.
struct Gate<'a> {
    tally: &'a Tally,
}

impl ValidationEventHandler for Gate<'_> {
    type Error = Halt;

    fn on_doctype(&mut self, _doctype: DoctypeView<'_>) -> Result<(), Halt> {
        Err(Halt::Refused(no_doctype()))
    }

    fn on_xml_declaration(&mut self, declaration: &XmlDeclaration) -> Result<(), Halt> {
        let encoding = declaration.encoding.as_deref();
        let is_utf8 = encoding.is_none_or(|name| name.eq_ignore_ascii_case("utf-8"));
        if declaration.version == "1.0" && is_utf8 {
            return Ok(());
        }
        let message = "must be XML 1.0 in UTF-8";
        Err(Halt::Refused(Violation::of_document(Rule::NotWellFormed, message)))
    }

    fn after_end_element(&mut self, _info: &EndElementInfo, _depth: usize) -> Result<(), Halt> {
        if self.tally.is_enough() { Err(Halt::Enough) } else { Ok(()) }
    }
}

/// Keeps the first errors. Of those about the children of one element it keeps one: the library
/// repeats it for every child that follows.
struct Sink<'a> {
    tally: &'a Tally,
}

impl ValidationSink for Sink<'_> {
    fn on_error(&mut self, error: InstanceValidationError) {
        self.tally.reported.set(self.tally.reported.get() + 1);
        let mut errors = self.tally.errors.borrow_mut();
        let is_echo = match error.constraint {
            "cvc-elt.1" => error.instance_path().is_some_and(|path| path.len() > 1),
            "cvc-complex-type.2.4" => errors.iter().any(|kept| {
                kept.constraint == error.constraint && kept.instance_path() == error.instance_path()
            }),
            _ => false,
        };
        if errors.len() < MAX_ERRORS && !is_echo {
            errors.push(error);
        }
    }

    fn on_warning(&mut self, _warning: ValidationWarning) {}
}

#[cfg(test)]
mod tests;
