//! Finds the root element of a compiled schema set.
//!
//! A document has one root, and a payload is filled from it downwards; a schema may declare many.
//! Source: XML Schema 1.0 part 1, section 3.3.

use std::collections::HashSet;

use xsd_schema::parser::frames::{ComplexContentResult, ParticleResult, ParticleTerm};
use xsd_schema::{ElementKey, SchemaSet};

use super::documents::{Documents, ENTRY};

/// The declaration of the root element in a compiled set.
pub(super) fn find(set: &SchemaSet, documents: &Documents) -> Result<ElementKey, String> {
    let entry = set.documents.iter().find(|document| documents.is_entry(&document.base_uri));
    let namespace = entry.and_then(|document| document.target_namespace);
    let declared = set.namespaces.get(&namespace).map(|table| &table.elements);
    let mut roots: Vec<ElementKey> = declared.into_iter().flatten().map(|(_, key)| *key).collect();
    if roots.len() > 1 {
        let referred = referred(set);
        roots.retain(|key| !referred.contains(key));
    }
    match roots.as_slice() {
        [root] => Ok(*root),
        [] => Err(format!(
            "{}: declares no root element; one global xs:element must hold the events",
            documents.entry_place()
        )),
        several => {
            let mut names: Vec<&str> = several
                .iter()
                .filter_map(|key| set.arenas.get_element(*key)?.name)
                .map(|name| set.name_table.resolve_ref(name))
                .collect();
            names.sort_unstable();
            Err(format!(
                "{}: declares several root elements ({}); keep one in {ENTRY} and make the others \
                 types",
                documents.entry_place(),
                names.join(", ")
            ))
        }
    }
}

/// The global elements that some content model refers to: they are not roots.
fn referred(set: &SchemaSet) -> HashSet<ElementKey> {
    let mut found = HashSet::new();
    for data in set.arenas.complex_types.values() {
        if let ComplexContentResult::Complex(content) = &data.content
            && let Some(particle) = &content.particle
        {
            gather_references(set, particle, &mut found);
        }
    }
    for particle in set.arenas.model_groups.values().flat_map(|group| &group.particles) {
        gather_references(set, particle, &mut found);
    }
    found
}

fn gather_references(set: &SchemaSet, particle: &ParticleResult, found: &mut HashSet<ElementKey>) {
    match &particle.term {
        ParticleTerm::Element(element) => {
            if let Some(name) = &element.ref_name {
                found.extend(set.lookup_element(name.namespace, name.local_name));
            }
        }
        ParticleTerm::Group(group) => {
            for particle in &group.particles {
                gather_references(set, particle, found);
            }
        }
        ParticleTerm::Any(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{set_of, try_set_of};

    #[test]
    fn a_global_element_that_another_refers_to_is_no_root() {
        let set = set_of(
            "<xs:element name='Event' type='xs:token'/>\
             <xs:element name='Events'><xs:complexType><xs:sequence>\
             <xs:element ref='Event'/></xs:sequence></xs:complexType></xs:element>",
        );
        assert_eq!(set.document().name, "Events");
        let found = set.validate("<Event xmlns='urn:t'>x</Event>");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "the root element must be Events in the namespace urn:t");
    }

    #[test]
    fn a_set_with_no_root_or_with_several_is_refused() {
        let found = try_set_of("<xs:complexType name='T'/>").expect_err("no root");
        assert!(found[0].contains("declares no root element"), "{found:?}");
        let two = "<xs:element name='B' type='xs:token'/><xs:element name='A' type='xs:token'/>";
        let found = try_set_of(two).expect_err("two roots");
        assert!(found[0].contains("several root elements (A, B)"), "{found:?}");
    }
}
