//! Reads the field table from a compiled schema set: elements, their order, their attributes.
//!
//! It flattens groups and extensions, and refuses by name what a payload cannot be filled from:
//! wildcards, mixed content, substitution groups, recursion. It does not read simple types
//! (`simple_types.rs`) and does not validate. Source: XML Schema 1.0 part 1, sections 3.3, 3.4, 3.8.

use std::collections::HashSet;

use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{ComplexContentResult, DerivationMethod};
use xsd_schema::{ComplexTypeKey, ElementKey, NameId, SchemaSet, TypeKey};

use super::attributes;
use super::documents::Documents;
use super::field_table::{Attribute, Content, Element, Particle, SimpleType};
use super::particles::{Group, Occurs};
use super::{roots, simple_types};

/// Elements inside one another; deeper sets are refused.
const MAX_DEPTH: usize = 16;
/// Elements in all, each counted where it stands: types that use one another multiply.
const MAX_ELEMENTS: usize = 10_000;

/// The root element and everything under it; or
/// everything that stands in the way, each as a sentence.
pub(super) fn read(set: &SchemaSet, documents: &Documents) -> Result<Element, Vec<String>> {
    let root = roots::find(set, documents).map_err(|problem| vec![problem])?;
    let mut reading = Reading::new(set, documents);
    match reading.element(root, Occurs::ONCE, None) {
        Some(element) if reading.problems.is_empty() => Ok(element),
        _ => Err(reading.problems),
    }
}

/// The walk through the compiled set, from the root down.
pub(super) struct Reading<'a> {
    pub(super) set: &'a SchemaSet,
    documents: &'a Documents,
    heads: HashSet<ElementKey>,
    path: Vec<String>,
    open: Vec<ComplexTypeKey>,
    elements: usize,
    problems: Vec<String>,
}

impl<'a> Reading<'a> {
    fn new(set: &'a SchemaSet, documents: &'a Documents) -> Self {
        let heads = set
            .arenas
            .elements
            .values()
            .flat_map(|element| element.resolved_substitution_groups.iter().copied())
            .collect();
        Self { set, documents, heads, path: Vec::new(), open: Vec::new(), elements: 0, problems: Vec::new() }
    }

    /// Says what is not supported, where it stands and in which element.
    pub(super) fn refuse(&mut self, source: Option<&SourceRef>, what: &str) {
        let place = self.set.locate(source).map_or_else(
            || self.documents.entry_place(),
            |location| self.documents.place(&location.base_uri, location.line),
        );
        let element = self.path.join("/");
        self.problems.push(format!("{place}: {element}: {what}"));
    }

    /// An element declaration as it stands under the open path; `namespace` where it is local.
    pub(super) fn element(
        &mut self,
        key: ElementKey,
        occurs: Occurs,
        namespace: Option<Option<NameId>>,
    ) -> Option<Element> {
        let set = self.set;
        let declared = set.arenas.get_element(key)?;
        let name = set.name_table.resolve(declared.name?);
        let source = declared.source.as_ref();
        self.path.push(name.clone());
        self.elements += 1;
        let element = if let Some(missing) = &declared.deferred_type_error {
            self.refuse(missing.source.as_ref(), &missing.message);
            None
        } else if self.path.len() > MAX_DEPTH || self.elements > MAX_ELEMENTS {
            if self.elements <= MAX_ELEMENTS + 1 {
                self.refuse(
                    source,
                    &format!(
                        "a payload's schema may nest {MAX_DEPTH} elements and hold {MAX_ELEMENTS} \
                         in all; this one exceeds that"
                    ),
                );
            }
            None
        } else {
            if declared.is_abstract {
                self.refuse(source, "abstract elements are not supported for payloads");
            }
            if self.heads.contains(&key) {
                self.refuse(source, "substitution groups are not supported for payloads");
            }
            self.content_of(declared.resolved_type, source).map(|(content, attributes)| Element {
                name,
                namespace: namespace
                    .unwrap_or(declared.target_namespace)
                    .map(|namespace| set.name_table.resolve(namespace)),
                min: occurs.min,
                max: occurs.max,
                fixed: declared.fixed_value.clone(),
                attributes,
                content,
            })
        };
        self.path.pop();
        element
    }

    fn content_of(
        &mut self,
        key: Option<TypeKey>,
        source: Option<&SourceRef>,
    ) -> Option<(Content, Vec<Attribute>)> {
        match key {
            Some(TypeKey::Simple(key)) => {
                Some((Content::Simple(simple_types::read(self.set, key)), Vec::new()))
            }
            Some(TypeKey::Complex(key)) if !self.set.is_any_type(TypeKey::Complex(key)) => {
                if self.open.contains(&key) {
                    self.refuse(
                        source,
                        "an element that contains itself (recursion) is not supported for payloads",
                    );
                    return None;
                }
                self.open.push(key);
                let content = self.complex(key);
                self.open.pop();
                content
            }
            _ => {
                self.refuse(source, "an element without a type (xs:anyType) is not supported for payloads");
                None
            }
        }
    }

    fn complex(&mut self, key: ComplexTypeKey) -> Option<(Content, Vec<Attribute>)> {
        let data = self.set.arenas.get_complex_type(key)?;
        let source = data.source.as_ref();
        if data.is_abstract {
            self.refuse(source, "abstract types are not supported for payloads");
        }
        let attributes = attributes::read(self, key);
        let mixed =
            data.mixed || matches!(&data.content, ComplexContentResult::Complex(content) if content.mixed);
        if mixed {
            self.refuse(source, "mixed content (text between elements) is not supported for payloads");
        }
        let content = if matches!(data.content, ComplexContentResult::Simple(_)) {
            Content::Simple(self.simple_content(key))
        } else {
            let mut particles = Vec::new();
            self.particles_of(key, &mut particles);
            if particles.is_empty() { Content::Empty } else { Content::Children(particles) }
        };
        Some((content, attributes))
    }

    /// The particles of a type: those of the type it extends come first.
    fn particles_of(&mut self, key: ComplexTypeKey, into: &mut Vec<Particle>) {
        let set = self.set;
        let Some(data) = set.arenas.get_complex_type(key) else {
            return;
        };
        if let (Some(DerivationMethod::Extension), Some(TypeKey::Complex(base))) =
            (data.derivation_method, data.resolved_base_type)
            && !set.is_any_type(TypeKey::Complex(base))
        {
            self.particles_of(base, into);
        }
        if let ComplexContentResult::Complex(content) = &data.content
            && let Some(particle) = &content.particle
        {
            Group::of_type(data).walk(self, particle, Occurs::ONCE, into);
        }
    }

    /// The type of the text of an element that also has attributes.
    fn simple_content(&self, key: ComplexTypeKey) -> SimpleType {
        let set = self.set;
        let data = set.arenas.get_complex_type(key);
        let base = data.and_then(|data| data.resolved_simple_content_type.or(data.resolved_base_type));
        let mut simple = match base {
            Some(TypeKey::Simple(base)) => simple_types::read(set, base),
            Some(TypeKey::Complex(base)) if !set.is_any_type(TypeKey::Complex(base)) => {
                self.simple_content(base)
            }
            _ => simple_types::read(set, set.builtin_types().any_simple_type),
        };
        if let Some(ComplexContentResult::Simple(content)) = data.map(|data| &data.content) {
            simple_types::overlay(&mut simple, &content.facets);
        }
        simple
    }
}

#[cfg(test)]
mod tests;
