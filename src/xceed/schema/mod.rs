//! A schema set: the XSDs of one version of the events, the validator and the field table they make.
//!
//! The set is shared by all threads and holds the documents as text; every thread compiles a
//! validator of its own from them. It reads no files (whoever holds the configuration does), fills
//! no payload, and knows no mapping. Source: XML Schema 1.0; the shapes are those of event documents.

mod attributes;
mod check;
mod children;
mod documents;
mod field_table;
mod mending;
mod particles;
mod reading;
mod roots;
mod session;
mod simple_types;
mod structure;
mod tree;
mod validator;
mod violations;
mod wording;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

pub use check::{MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES};
pub use field_table::{Attribute, Content, Element, Facets, Kind, Particle, SimpleType, Whitespace};
pub use validator::Validator;
pub use violations::{Rule, Violation};

use documents::Documents;
use validator::LibraryValidator;

/// The XSD documents of one version, checked, with the field table they describe.
#[derive(Debug, Clone)]
pub struct SchemaSet {
    version: String,
    documents: Documents,
    document: Arc<Element>,
    /// What the validators of all threads know the set by.
    identity: Arc<()>,
}

/// A validator and the set it belongs to.
type Kept = (Weak<()>, Box<dyn Validator>);

thread_local! {
    /// The validators of this thread.
    static VALIDATORS: RefCell<Vec<Kept>> = RefCell::default();
}

impl SchemaSet {
    /// Takes the documents of a folder, by file name. The set begins with `events.xsd`; documents
    /// that are not reached from it are left out. An error holds everything that is wrong, each a
    /// sentence that begins with the file.
    pub fn load(version: &str, documents: BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<String>> {
        let documents = Documents::gather(version, documents)?;
        let compiled = documents.compile()?;
        let document = Arc::new(reading::read(&compiled, &documents)?);
        let version = version.to_owned();
        Ok(Self { version, documents, document, identity: Arc::new(()) })
    }

    /// The version: the name of the folder it came from.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The field table: the root element and everything under it.
    pub fn document(&self) -> &Element {
        &self.document
    }

    /// A validator for this thread. It compiles the set, which takes milliseconds: keep it and use
    /// it again.
    pub fn validator(&self) -> Box<dyn Validator> {
        Box::new(LibraryValidator::new(self.documents.clone(), Arc::clone(&self.document)))
    }

    /// Everything that is wrong with a document, by the validator that this thread keeps for this
    /// set. Validators of sets that are gone are dropped.
    pub fn validate(&self, document: &str) -> Vec<Violation> {
        VALIDATORS.with_borrow_mut(|kept| {
            kept.retain(|(set, _)| set.strong_count() > 0);
            let own = kept.iter().position(|(set, _)| set.as_ptr() == Arc::as_ptr(&self.identity));
            let own = own.unwrap_or_else(|| {
                kept.push((Arc::downgrade(&self.identity), self.validator()));
                kept.len() - 1
            });
            kept[own].1.validate(document)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The set of one document, whose schema element is written here.
    pub(super) fn set_of(declarations: &str) -> SchemaSet {
        try_set_of(declarations).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    /// The same, or what is wrong with it.
    pub(super) fn try_set_of(declarations: &str) -> Result<SchemaSet, Vec<String>> {
        let xsd = format!(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:t' \
             xmlns='urn:t' elementFormDefault='qualified'>{declarations}</xs:schema>"
        );
        SchemaSet::load("t", BTreeMap::from([("events.xsd".to_owned(), xsd.into_bytes())]))
    }

    const EVENTS: &str = "<xs:element name='Events'><xs:complexType><xs:sequence>\
        <xs:element name='Id' type='xs:token' maxOccurs='unbounded'/>\
        </xs:sequence></xs:complexType></xs:element>";

    #[test]
    fn a_set_tells_its_version_and_its_field_table() {
        let set = set_of(EVENTS);
        assert_eq!(set.version(), "t");
        assert_eq!(set.document().name, "Events");
        let id = set.document().child("Id").expect("Events holds Id");
        assert!(id.is_repeated());
        assert_eq!(id.namespace.as_deref(), Some("urn:t"));
    }

    #[test]
    fn a_set_is_shared_by_threads_and_each_has_its_own_validator() {
        let set = set_of(EVENTS);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let valid = "<Events xmlns='urn:t'><Id>a</Id></Events>";
                    assert_eq!(set.validate(valid), []);
                    assert_eq!(set.validate("<Events xmlns='urn:t'/>").len(), 1);
                    assert_eq!(set.validate(valid), []);
                });
            }
        });
    }

    #[test]
    fn a_thread_tells_the_validators_of_two_sets_apart() {
        let tokens = set_of(EVENTS);
        let dates = set_of(&EVENTS.replace("xs:token", "xs:date"));
        let document = "<Events xmlns='urn:t'><Id>a</Id></Events>";
        assert_eq!(tokens.validate(document), []);
        assert_eq!(dates.validate(document).len(), 1);
        drop(tokens);
        assert_eq!(dates.validate(document).len(), 1);
        VALIDATORS.with_borrow(|kept| assert_eq!(kept.len(), 1));
    }
}
