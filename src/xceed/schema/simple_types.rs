//! Reads a simple type of the compiled schema set into the field table.
//!
//! It follows the chain of restrictions down to the built-in type and gathers the facets in force.
//! It does not read elements (`reading.rs`) and puts nothing into words (`wording.rs`).
//! Source: XML Schema 1.0 part 2, sections 2.5 and 4.3.

use xsd_schema::types::facets::EnumerationFacet;
use xsd_schema::{FacetSet, SchemaSet, SimpleTypeKey, TypeKey, WhitespaceMode};

use super::field_table::{Facets, Kind, SimpleType, Whitespace};

/// The simple type behind `key`, with everything it inherits.
pub(super) fn read(set: &SchemaSet, key: SimpleTypeKey) -> SimpleType {
    let Some(data) = set.arenas.get_simple_type(key) else {
        return of_kind(Kind::of("anySimpleType"));
    };
    let mut simple = if set.builtin_types().is_builtin(key) {
        let name = data.name.map_or("anySimpleType", |name| set.name_table.resolve_ref(name));
        of_kind(Kind::of(name))
    } else if let Some(base) = restricted(set, data.resolved_base_type) {
        read(set, base)
    } else if !data.resolved_member_types.is_empty() {
        union_of(set, &data.resolved_member_types)
    } else if data.resolved_item_type.is_some() {
        of_kind(Kind::Other("list".to_owned()))
    } else {
        of_kind(Kind::of("anySimpleType"))
    };
    overlay(&mut simple, &data.facets);
    simple
}

/// Lays a restriction's own facets over those of the type it restricts.
pub(super) fn overlay(simple: &mut SimpleType, own: &FacetSet) {
    let facets = &mut simple.facets;
    replace(&mut facets.length, own.length.as_ref().map(|f| f.value));
    replace(&mut facets.min_length, own.min_length.as_ref().map(|f| f.value));
    replace(&mut facets.max_length, own.max_length.as_ref().map(|f| f.value));
    replace(&mut facets.min_inclusive, own.min_inclusive.as_ref().map(|f| f.value.clone()));
    replace(&mut facets.max_inclusive, own.max_inclusive.as_ref().map(|f| f.value.clone()));
    replace(&mut facets.min_exclusive, own.min_exclusive.as_ref().map(|f| f.value.clone()));
    replace(&mut facets.max_exclusive, own.max_exclusive.as_ref().map(|f| f.value.clone()));
    replace(&mut facets.total_digits, own.total_digits.as_ref().map(|f| f.value));
    replace(&mut facets.fraction_digits, own.fraction_digits.as_ref().map(|f| f.value));
    for step in own.patterns.iter().filter(|step| !step.is_empty()) {
        facets.patterns.push(step.iter().map(|pattern| pattern.value.clone()).collect());
    }
    replace(&mut simple.enumeration, own.enumeration.as_ref().map(words));
    if let Some(whitespace) = &own.whitespace {
        simple.whitespace = match whitespace.value {
            WhitespaceMode::Preserve => Whitespace::Preserve,
            WhitespaceMode::Replace => Whitespace::Replace,
            WhitespaceMode::Collapse => Whitespace::Collapse,
        };
    }
}

fn replace<T>(inherited: &mut Option<T>, own: Option<T>) {
    if own.is_some() {
        *inherited = own;
    }
}

fn of_kind(kind: Kind) -> SimpleType {
    SimpleType {
        kind,
        enumeration: None,
        facets: Facets::default(),
        members: Vec::new(),
        whitespace: Whitespace::Collapse,
    }
}

/// The type that a restriction restricts; none where a union or a list is declared afresh, whose
/// base is the root of all simple types.
fn restricted(set: &SchemaSet, base: Option<TypeKey>) -> Option<SimpleTypeKey> {
    base.and_then(|base| base.as_simple()).filter(|key| *key != set.builtin_types().any_simple_type)
}

fn union_of(set: &SchemaSet, keys: &[TypeKey]) -> SimpleType {
    let mut members = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        // The library may list a member twice; the first place is the one that counts.
        if let Some(member) = key.as_simple().filter(|_| !keys[..index].contains(key)) {
            members.push(read(set, member));
        }
    }
    let kind = members.first().map_or_else(|| Kind::of("anySimpleType"), |first| first.kind.clone());
    let enumeration = members
        .iter()
        .map(|member| member.enumeration.clone())
        .collect::<Option<Vec<_>>>()
        .map(|lists| lists.concat());
    SimpleType { enumeration, members, ..of_kind(kind) }
}

/// The words of an enumeration in schema order. The library keeps them in a hash set, and beside
/// it, in the order of the schema, with the namespaces they were written under.
fn words(enumeration: &EnumerationFacet) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(enumeration.values.len());
    for (word, _) in &enumeration.qname_contexts {
        if enumeration.values.contains(word) && !words.contains(word) {
            words.push(word.clone());
        }
    }
    let mut unordered: Vec<String> =
        enumeration.values.iter().filter(|word| !words.contains(word)).cloned().collect();
    unordered.sort();
    words.append(&mut unordered);
    words
}

#[cfg(test)]
mod tests {
    use super::super::field_table::Content;
    use super::super::tests::set_of;
    use super::*;

    #[test]
    fn types_have_the_kind_of_their_base_and_unions_that_of_their_first_member() {
        let particles = "<xs:element name='text' type='Text'/>\
            <xs:element name='word' type='Word'/>\
            <xs:element name='day' type='Day'/>\
            <xs:element name='mixed'><xs:simpleType><xs:union memberTypes='Day'><xs:simpleType>\
            <xs:restriction base='xs:boolean'/></xs:simpleType></xs:union></xs:simpleType>\
            </xs:element>\
            <xs:element name='words'><xs:simpleType><xs:union memberTypes='Word No'/>\
            </xs:simpleType></xs:element>\
            <xs:element name='amount' type='Amount'/>\
            <xs:element name='flag' type='xs:boolean'/><xs:element name='score' type='xs:double'/>\
            <xs:element name='at' type='xs:dateTime'/>\
            <xs:element name='list'><xs:simpleType><xs:list itemType='xs:token'/></xs:simpleType>\
            </xs:element>";
        let types = "<xs:simpleType name='Base'><xs:restriction base='xs:string'>\
            <xs:minLength value='1'/><xs:pattern value='a.*'/><xs:pattern value='b.*'/>\
            </xs:restriction></xs:simpleType>\
            <xs:simpleType name='Text'><xs:restriction base='Base'><xs:maxLength value='9'/>\
            <xs:pattern value='.*z'/></xs:restriction></xs:simpleType>\
            <xs:simpleType name='Word'><xs:restriction base='xs:token'>\
            <xs:enumeration value='Zeta'/><xs:enumeration value='Alpha'/>\
            <xs:enumeration value='Mid'/></xs:restriction></xs:simpleType>\
            <xs:simpleType name='No'><xs:restriction base='xs:string'>\
            <xs:enumeration value='0000-00-00'/></xs:restriction></xs:simpleType>\
            <xs:simpleType name='Day'><xs:union memberTypes='xs:date No'/></xs:simpleType>\
            <xs:simpleType name='Amount'><xs:restriction base='xs:decimal'>\
            <xs:totalDigits value='19'/><xs:fractionDigits value='4'/>\
            <xs:minInclusive value='0'/></xs:restriction></xs:simpleType>";
        let set = set_of(&format!(
            "<xs:element name='R'><xs:complexType><xs:sequence>{particles}</xs:sequence></xs:complexType></xs:element>{types}"
        ));
        let simple = |name: &str| match &set.document().child(name).expect("declared").content {
            Content::Simple(simple) => simple.clone(),
            other => panic!("{other:?}"),
        };
        let kinds: Vec<Kind> = set.document().children().map(|one| simple(&one.name).kind).collect();
        let other = |name: &str| Kind::Other(name.to_owned());
        assert_eq!(
            kinds,
            [
                Kind::String,
                Kind::Token,
                Kind::Date,
                Kind::Date,
                Kind::Token,
                other("decimal"),
                Kind::Boolean,
                Kind::Double,
                other("dateTime"),
                other("list"),
            ]
        );
        let text = simple("text");
        assert_eq!(text.facets.patterns, [vec!["a.*", "b.*"], vec![".*z"]]);
        assert_eq!((text.facets.min_length, text.facets.max_length), (Some(1), Some(9)));
        assert_eq!(text.whitespace, Whitespace::Preserve);
        let in_schema_order = ["Zeta", "Alpha", "Mid"].map(str::to_owned).to_vec();
        assert_eq!(simple("word").enumeration, Some(in_schema_order.clone()));
        assert_eq!(simple("day").enumeration, None);
        assert_eq!(simple("day").members.len(), 2);
        assert_eq!(simple("mixed").members.len(), 2);
        let both = [in_schema_order, vec!["0000-00-00".to_owned()]].concat();
        assert_eq!(simple("words").enumeration, Some(both));
        assert_eq!(simple("amount").facets.total_digits, Some(19));
    }
}
