//! Schemas and the field tables they become, and schemas that are refused.
//!
//! Simple types have their tests in their own file.

use super::super::field_table::Kind;
use super::super::tests::{set_of, try_set_of};
use super::*;

/// A root that holds these particles.
fn holding(particles: &str, more: &str) -> String {
    format!(
        "<xs:element name='R'><xs:complexType><xs:sequence>{particles}</xs:sequence>\
         </xs:complexType></xs:element>{more}"
    )
}

/// The children of the root, each with how often it occurs; a choice in brackets.
fn outline(declarations: &str) -> String {
    let set = set_of(declarations);
    let Content::Children(particles) = &set.document().content else { panic!("the root holds elements") };
    let outline: Vec<String> = particles
        .iter()
        .map(|particle| {
            let names: Vec<&str> = particle.elements().iter().map(|one| one.name.as_str()).collect();
            let (min, max) = particle.occurs();
            let max = max.map_or_else(|| "*".to_owned(), |max| max.to_string());
            match particle {
                Particle::Element(_) => format!("{} {min}..{max}", names.join("")),
                Particle::Choice { .. } => format!("({}) {min}..{max}", names.join("|")),
            }
        })
        .collect();
    outline.join(", ")
}

#[test]
fn nested_sequences_named_groups_and_choices_become_one_order() {
    let particles = "<xs:element name='a' type='xs:token'/>\
        <xs:sequence minOccurs='0'><xs:element name='b' type='xs:date'/>\
        <xs:element name='c' type='xs:date' maxOccurs='3'/></xs:sequence>\
        <xs:group ref='g' minOccurs='0'/>\
        <xs:choice><xs:element name='f' type='xs:token'/><xs:choice>\
        <xs:element name='h' type='xs:token'/><xs:element name='i' type='xs:token'/>\
        </xs:choice></xs:choice>\
        <xs:choice maxOccurs='2'><xs:element name='j' type='xs:token' minOccurs='0'/>\
        <xs:element name='k' type='xs:token'/></xs:choice>\
        <xs:element name='never' type='xs:token' minOccurs='0' maxOccurs='0'/>\
        <xs:sequence maxOccurs='unbounded'><xs:element name='l' type='xs:token'/></xs:sequence>\
        <xs:element name='m' type='xs:token'/>";
    let group = "<xs:group name='g'><xs:sequence><xs:element name='d' type='xs:token'/>\
        <xs:element name='e' type='xs:token' minOccurs='0'/></xs:sequence></xs:group>";
    assert_eq!(
        outline(&holding(particles, group)),
        "a 1..1, b 0..1, c 0..3, d 0..1, e 0..1, (f|h|i) 1..1, (j|k) 0..2, l 1..*, m 1..1"
    );
}

#[test]
fn an_extension_comes_after_its_base_and_a_restriction_instead_of_it() {
    let types = "<xs:complexType name='B'><xs:sequence>\
        <xs:element name='a' type='xs:token'/><xs:element name='b' type='xs:token' minOccurs='0'/>\
        </xs:sequence><xs:attribute name='x' use='required'/><xs:attribute name='y'/>\
        </xs:complexType>\
        <xs:complexType name='X'><xs:complexContent><xs:extension base='B'><xs:sequence>\
        <xs:element name='c' type='xs:token'/></xs:sequence><xs:attributeGroup ref='z'/>\
        </xs:extension></xs:complexContent></xs:complexType>\
        <xs:complexType name='S'><xs:complexContent><xs:restriction base='B'><xs:sequence>\
        <xs:element name='a' type='xs:token'/></xs:sequence>\
        <xs:attribute name='y' use='prohibited'/></xs:restriction></xs:complexContent>\
        </xs:complexType>\
        <xs:attributeGroup name='z'><xs:attribute name='z' type='xs:token' fixed='Z'/>\
        </xs:attributeGroup>";
    let extended = format!("<xs:element name='R' type='X'/>{types}");
    assert_eq!(outline(&extended), "a 1..1, b 0..1, c 1..1");
    let set = set_of(&extended);
    let attributes: Vec<_> = set
        .document()
        .attributes
        .iter()
        .map(|one| (one.name.as_str(), one.required, one.fixed.as_deref()))
        .collect();
    assert_eq!(attributes, [("z", false, Some("Z")), ("x", true, None), ("y", false, None)]);
    let restricted = format!("<xs:element name='R' type='S'/>{types}");
    assert_eq!(outline(&restricted), "a 1..1");
    let set = set_of(&restricted);
    assert!(set.document().attribute("x").is_some_and(|one| one.required));
    assert!(set.document().attribute("y").is_none());
}

#[test]
fn an_all_group_stands_in_schema_order() {
    let declarations = "<xs:element name='R'><xs:complexType><xs:all>\
        <xs:element name='b' type='xs:token'/><xs:element name='a' type='xs:token' minOccurs='0'/>\
        </xs:all></xs:complexType></xs:element>";
    assert_eq!(outline(declarations), "b 1..1, a 0..1");
    let set = set_of(declarations);
    assert_eq!(set.validate("<R xmlns='urn:t'><a/><b/></R>"), []);
}

#[test]
fn an_element_with_text_and_attributes_keeps_both() {
    let set = set_of(
        "<xs:element name='R'><xs:complexType><xs:simpleContent>\
         <xs:restriction base='B'><xs:maxLength value='5'/></xs:restriction>\
         </xs:simpleContent></xs:complexType></xs:element>\
         <xs:complexType name='B'><xs:simpleContent><xs:extension base='xs:token'>\
         <xs:attribute name='x' type='xs:date' use='required'/></xs:extension>\
         </xs:simpleContent></xs:complexType>",
    );
    let Content::Simple(simple) = &set.document().content else { panic!("it holds text") };
    assert_eq!((&simple.kind, simple.facets.max_length), (&Kind::Token, Some(5)));
    assert_eq!(set.document().attribute("x").map(|one| &one.simple.kind), Some(&Kind::Date));
}

#[test]
fn what_a_payload_cannot_be_filled_from_is_refused_by_name() {
    let group = "<xs:group name='g'><xs:sequence><xs:element name='a'><xs:complexType>\
        <xs:group ref='g' minOccurs='0'/></xs:complexType></xs:element></xs:sequence></xs:group>";
    let two = "<xs:element name='a' type='xs:token'/><xs:element name='b' type='xs:token'/>";
    let cases = [
        (holding("<xs:any/>", ""), "wildcards (xs:any)"),
        (holding("<xs:element name='a'/>", ""), "without a type (xs:anyType)"),
        (
            holding(
                "<xs:element name='a' type='M'/>",
                "<xs:complexType name='M' mixed='true'><xs:sequence/></xs:complexType>",
            ),
            "mixed content",
        ),
        (
            holding(
                "<xs:element name='a' type='M'/>",
                "<xs:complexType name='M'><xs:anyAttribute/></xs:complexType>",
            ),
            "xs:anyAttribute",
        ),
        (
            holding(
                "<xs:element ref='a'/>",
                "<xs:element name='a' type='xs:token'/><xs:element name='b' type='xs:token' substitutionGroup='a'/>",
            ),
            "several root elements",
        ),
        (
            holding(
                "<xs:element ref='a'/><xs:element ref='b'/>",
                "<xs:element name='a' type='xs:token'/><xs:element name='b' type='xs:token' substitutionGroup='a'/>",
            ),
            "substitution groups",
        ),
        (
            holding("<xs:element name='a' type='M'/>", "<xs:complexType name='M' abstract='true'/>"),
            "abstract types",
        ),
        (
            holding(
                "<xs:element name='a' type='M'/>",
                "<xs:complexType name='M'><xs:sequence><xs:element name='b' type='M' minOccurs='0'/></xs:sequence></xs:complexType>",
            ),
            "recursion",
        ),
        (holding("<xs:group ref='g'/>", group), "recursion"),
        (
            holding(&format!("<xs:sequence maxOccurs='2'>{two}</xs:sequence>"), ""),
            "a repeated group of several",
        ),
        (
            holding(
                &format!(
                    "<xs:choice><xs:sequence>{two}</xs:sequence><xs:element name='c' type='xs:token'/></xs:choice>"
                ),
                "",
            ),
            "a choice between groups",
        ),
        (holding("<xs:element name='a' type='Missing'/>", ""), "Missing"),
    ];
    for (declarations, expected) in cases {
        let found = try_set_of(&declarations).expect_err(expected);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(expected), "{found:#?}");
        assert!(found[0].starts_with("xsd/t/events.xsd: "), "{found:#?}");
    }
}

#[test]
fn a_type_that_is_missing_is_told_once() {
    let found = try_set_of("<xs:element name='R' type='Missing'/>").expect_err("no such type");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("Missing"), "{found:#?}");
}

#[test]
fn every_unsupported_construct_is_told_with_its_element() {
    let particles = "<xs:element name='a'/><xs:element name='b'><xs:complexType><xs:sequence>\
        <xs:any/></xs:sequence></xs:complexType></xs:element>";
    let found = try_set_of(&holding(particles, "")).expect_err("two faults");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains(": R/a: "), "{found:#?}");
    assert!(found[1].contains(": R/b: "), "{found:#?}");
}

#[test]
fn a_set_that_nests_too_deep_or_multiplies_too_far_is_refused() {
    let mut types = String::new();
    for level in 0..30 {
        types.push_str(&format!(
            "<xs:complexType name='T{level}'><xs:sequence>\
             <xs:element name='e' type='T{}'/></xs:sequence></xs:complexType>",
            level + 1
        ));
    }
    types.push_str("<xs:simpleType name='T30'><xs:restriction base='xs:token'/></xs:simpleType>");
    let found = try_set_of(&format!("<xs:element name='R' type='T0'/>{types}"));
    let found = found.expect_err("thirty levels");
    assert!(found[0].contains("may nest 16 elements"), "{found:#?}");

    let many: String = (0..10).map(|index| format!("<xs:element name='e{index}' type='TYPE'/>")).collect();
    let mut types = String::new();
    for level in 0..10 {
        let particles = many.replace("TYPE", &format!("T{}", level + 1));
        types.push_str(&format!(
            "<xs:complexType name='T{level}'><xs:sequence>{particles}</xs:sequence>\
             </xs:complexType>"
        ));
    }
    types.push_str("<xs:simpleType name='T10'><xs:restriction base='xs:token'/></xs:simpleType>");
    let found = try_set_of(&format!("<xs:element name='R' type='T0'/>{types}"));
    let found = found.expect_err("ten to the tenth elements");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("10000 in all"), "{found:#?}");
}
