//! The validator: a document in, everything that is wrong with it out.
//!
//! It asks the library (`session.rs`), and where a document is refused it finds out what is behind
//! the errors. A validator belongs to one thread; `SchemaSet` makes one for each.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use xsd_schema::InstanceValidationError;

use super::check::{MAX_DOCUMENT_BYTES, Verdict};
use super::documents::Documents;
use super::field_table::Element;
use super::session::Session;
use super::violations::{Place, Rule, Violation, is_structural, of_value};
use super::{structure, tree};

/// Judges documents against one schema set.
pub trait Validator {
    /// Everything that is wrong with the document; nothing when it is valid.
    fn validate(&mut self, document: &str) -> Vec<Violation>;
}

/// A validator of one thread, on the library.
pub(super) struct LibraryValidator {
    documents: Documents,
    root: Arc<Element>,
    session: Option<Session>,
}

impl LibraryValidator {
    pub(super) fn new(documents: Documents, root: Arc<Element>) -> Self {
        let session = Session::start(documents.clone());
        Self { documents, root, session: Some(session) }
    }

    fn judge(&mut self, document: &str) -> Verdict {
        let documents = &self.documents;
        let mut session = self.session.take().unwrap_or_else(|| Session::start(documents.clone()));
        // A library that panics on a document must not take its thread down; what it left behind
        // is not used again.
        match catch_unwind(AssertUnwindSafe(|| session.judge(document))) {
            Ok(verdict) => {
                self.session = Some(session);
                verdict
            }
            Err(_) => Verdict::Refused(Violation::of_document(
                Rule::Other,
                "could not be checked; report the document to those who run the gateway",
            )),
        }
    }

    /// Tells what is behind the errors of a document that was read to its end.
    fn explain(&mut self, document: &str, errors: Vec<InstanceValidationError>) -> Vec<Violation> {
        let root = Arc::clone(&self.root);
        if errors.iter().any(|error| error.constraint == "cvc-elt.1") {
            return vec![Violation::of_document(Rule::NotAllowed, must_be_root(&root))];
        }
        let refused: HashSet<Place> =
            errors.iter().filter(|error| is_structural(error)).map(Place::of).collect();
        let tree = if refused.is_empty() { None } else { tree::parse(document) };
        let (mut violations, unexplained) = match tree {
            None => (of_values(&errors, &root, &HashSet::new()), refused.into_iter().collect()),
            Some(tree) => {
                let diagnosis = structure::diagnose(&tree, &root, &refused);
                // The mended document shows the wrong values that faults of order have hidden.
                let errors = match self.judge(&diagnosis.mended.text) {
                    Verdict::Read(second) => second,
                    Verdict::Refused(_) => errors,
                };
                let mut violations = diagnosis.violations;
                violations.extend(of_values(&errors, &root, &diagnosis.mended.inserted));
                (violations, diagnosis.unexplained)
            }
        };
        for place in unexplained {
            let message = "its elements are not in the number and order that the schema has";
            let one = place.violation(&root, Rule::Other, message.to_owned());
            if !violations.iter().any(|known| known.is_about_the_field_of(&one)) {
                violations.push(one);
            }
        }
        violations.sort_by_cached_key(|one| (one.occurrence, position(&root, &one.path)));
        let mut seen = HashSet::new();
        violations.retain(|one| seen.insert((one.path.clone(), one.occurrence, one.rule)));
        if violations.is_empty() {
            // Whatever the diagnosis makes of it: what the library refuses is refused.
            violations.push(Violation::of_document(Rule::Other, "is not as the schema demands"));
        }
        violations
    }
}

impl Validator for LibraryValidator {
    fn validate(&mut self, document: &str) -> Vec<Violation> {
        let document = document.strip_prefix('\u{feff}').unwrap_or(document);
        if document.len() > MAX_DOCUMENT_BYTES {
            let message = format!("may have at most {MAX_DOCUMENT_BYTES} bytes");
            return vec![Violation::of_document(Rule::Limit, message)];
        }
        match self.judge(document) {
            Verdict::Read(errors) if errors.is_empty() => Vec::new(),
            Verdict::Read(errors) => self.explain(document, errors),
            Verdict::Refused(violation) => vec![violation],
        }
    }
}

/// Where a path stands in the order of the schema; what is not in it comes last.
fn position(root: &Element, path: &[String]) -> Vec<usize> {
    let mut element = Some(root);
    path.iter()
        .map(|name| {
            let place = element.and_then(|one| one.children().position(|child| child.name == *name));
            element = element.and_then(|one| one.child(name));
            match place {
                Some(place) => place + 1,
                None if name.starts_with('@') => 0,
                None => usize::MAX,
            }
        })
        .collect()
}

fn must_be_root(root: &Element) -> String {
    match &root.namespace {
        Some(namespace) => {
            format!("the root element must be {} in the namespace {namespace}", root.name)
        }
        None => format!("the root element must be {} in no namespace", root.name),
    }
}

/// One violation for each place: the library sometimes says in two ways what is one fault.
fn of_values(
    errors: &[InstanceValidationError],
    root: &Element,
    inserted: &HashSet<Place>,
) -> Vec<Violation> {
    let is_inserted =
        |place: &Place| inserted.iter().any(|inserted| place.elements.starts_with(&inserted.elements));
    let mut found: Vec<(Place, Violation)> = Vec::new();
    for error in errors.iter().filter(|error| !is_structural(error)) {
        let (place, violation) = of_value(error, root);
        if !is_inserted(&place) && !found.iter().any(|(known, _)| *known == place) {
            found.push((place, violation));
        }
    }
    found.into_iter().map(|(_, violation)| violation).collect()
}

#[cfg(test)]
mod tests;
