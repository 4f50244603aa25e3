//! Reads the attributes of a complex type: its own, those of its groups, and the inherited ones.
//!
//! It does not read elements (`reading.rs`). Source: XML Schema 1.0 part 1, section 3.4.2.

use xsd_schema::arenas::ResolvedAttributeUse;
use xsd_schema::parser::SourceRef;
use xsd_schema::parser::frames::{AttributeUseKind, AttributeUseResult, DerivationMethod};
use xsd_schema::{AttributeGroupKey, ComplexTypeKey, NameId, SchemaSet, TypeKey};

use super::field_table::Attribute;
use super::reading::Reading;
use super::simple_types;

type Name = (Option<NameId>, NameId);

/// The attributes of the type behind `key`.
pub(super) fn read(reading: &mut Reading<'_>, key: ComplexTypeKey) -> Vec<Attribute> {
    let set = reading.set;
    let mut found = Vec::new();
    // Names that a more derived type has declared or taken away: its bases add nothing to them.
    let mut settled: Vec<Name> = Vec::new();
    let mut next = Some(key);
    while let Some(data) = next.and_then(|key| set.arenas.get_complex_type(key)) {
        if let Some(wildcard) = &data.attribute_wildcard {
            refuse_wildcard(reading, wildcard.source.as_ref());
        }
        let is_restriction = data.derivation_method != Some(DerivationMethod::Extension);
        let mut uses = Uses { set, target_namespace: data.target_namespace, found: Vec::new() };
        uses.take(&data.attributes, &data.resolved_attributes);
        let own = uses.found.len();
        for group in &data.resolved_attribute_groups {
            gather_group(reading, *group, &mut Vec::new(), &mut uses.found);
        }
        let mut names = Vec::new();
        for (index, (name, attribute)) in uses.found.into_iter().enumerate() {
            match attribute {
                Some(attribute) if !settled.contains(&name) && !names.contains(&name) => {
                    names.push(name);
                    found.push(attribute);
                }
                None if is_restriction && index < own => names.push(name),
                _ => {}
            }
        }
        settled.append(&mut names);
        next =
            data.resolved_base_type.filter(|base| !set.is_any_type(*base)).and_then(|base| base.as_complex());
    }
    found
}

fn refuse_wildcard(reading: &mut Reading<'_>, source: Option<&SourceRef>) {
    reading.refuse(source, "wildcards (xs:anyAttribute) are not supported for payloads");
}

fn gather_group(
    reading: &mut Reading<'_>,
    key: AttributeGroupKey,
    visited: &mut Vec<AttributeGroupKey>,
    into: &mut Vec<(Name, Option<Attribute>)>,
) {
    let set = reading.set;
    let Some(group) = set.arenas.get_attribute_group(key).filter(|_| !visited.contains(&key)) else {
        return;
    };
    visited.push(key);
    if let Some(wildcard) = &group.attribute_wildcard {
        refuse_wildcard(reading, wildcard.source.as_ref());
    }
    let mut uses = Uses { set, target_namespace: group.target_namespace, found: Vec::new() };
    uses.take(&group.attributes, &group.resolved_attributes);
    into.append(&mut uses.found);
    for nested in &group.resolved_attribute_groups {
        gather_group(reading, *nested, visited, into);
    }
}

/// The attribute uses written in one place, by name; without an attribute where one is prohibited.
struct Uses<'a> {
    set: &'a SchemaSet,
    target_namespace: Option<NameId>,
    found: Vec<(Name, Option<Attribute>)>,
}

impl Uses<'_> {
    fn take(&mut self, uses: &[AttributeUseResult], resolved: &[ResolvedAttributeUse]) {
        for (index, attribute) in uses.iter().enumerate() {
            self.found.extend(self.attribute(attribute, resolved.get(index)));
        }
    }

    fn attribute(
        &self,
        used: &AttributeUseResult,
        resolved: Option<&ResolvedAttributeUse>,
    ) -> Option<(Name, Option<Attribute>)> {
        let written = &used.attribute;
        let declared = resolved
            .and_then(|resolved| resolved.resolved_ref)
            .and_then(|key| self.set.arenas.get_attribute(key));
        let (namespace, name) = match (written.name, declared) {
            (Some(name), _) if written.ref_name.is_none() => {
                let namespace = self.set.effective_local_attribute_namespace(
                    written.target_namespace,
                    written.form.as_deref(),
                    written.source.as_ref(),
                    self.target_namespace,
                );
                (namespace, name)
            }
            (_, Some(declared)) => (declared.target_namespace, declared.name?),
            _ => return None,
        };
        if used.use_kind == AttributeUseKind::Prohibited {
            return Some(((namespace, name), None));
        }
        let key = resolved
            .and_then(|resolved| resolved.resolved_type)
            .or_else(|| declared.and_then(|declared| declared.resolved_type))
            .as_ref()
            .and_then(TypeKey::as_simple)
            .unwrap_or_else(|| self.set.builtin_types().any_simple_type);
        let attribute = Attribute {
            name: self.set.name_table.resolve(name),
            required: used.use_kind == AttributeUseKind::Required,
            fixed: written
                .fixed_value
                .clone()
                .or_else(|| declared.and_then(|declared| declared.fixed_value.clone())),
            simple: simple_types::read(self.set, key),
            namespace: namespace.map(|namespace| self.set.name_table.resolve(namespace)),
        };
        Some(((namespace, name), Some(attribute)))
    }
}
