//! Hostile and broken documents, and documents that nobody thought of.
//!
//! No limit is tested by time; a document that is not bounded shows as a test that does not end.

use proptest::prelude::*;

use super::super::SchemaSet as Set;
use super::super::tests::set_of;
use super::*;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

fn events() -> Set {
    set_of(
        "<xs:element name='R'><xs:complexType><xs:sequence>\
         <xs:element name='e' type='T' maxOccurs='unbounded'/></xs:sequence></xs:complexType>\
         </xs:element><xs:complexType name='T'><xs:sequence>\
         <xs:element name='a' type='A'/><xs:element name='d' type='xs:date' minOccurs='0'/>\
         </xs:sequence><xs:attribute name='n' type='xs:double'/></xs:complexType>\
         <xs:simpleType name='A'><xs:restriction base='xs:token'>\
         <xs:pattern value='[a-z]{1,9}(-[a-z]+)*'/></xs:restriction></xs:simpleType>\
         <xs:complexType name='U'><xs:complexContent><xs:extension base='T'><xs:sequence>\
         <xs:element name='more' type='xs:string'/></xs:sequence></xs:extension>\
         </xs:complexContent></xs:complexType>",
    )
}

fn rules(document: &str) -> Vec<&'static str> {
    let mut rules: Vec<_> = events().validate(document).iter().map(|one| one.rule.name()).collect();
    rules.dedup();
    rules
}

fn with(event: &str) -> String {
    format!("<R xmlns='urn:t' xmlns:xsi='{XSI}'>{event}</R>")
}

/// Whether the library came to an end with the document: a panic in it is caught and told.
fn is_checked(found: &[Violation]) -> bool {
    found.iter().all(|one| !one.message.starts_with("could not be checked"))
}

#[test]
fn a_doctype_is_refused_wherever_it_stands() {
    let document = with("<e><a>a</a></e>");
    assert_eq!(rules(&document), [""; 0]);
    assert_eq!(rules(&format!("<!DOCTYPE R>{document}")), ["doctype"]);
    let bomb = "<!DOCTYPE R [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>";
    assert_eq!(rules(&format!("{bomb}{}", with("<e><a>&b;</a></e>"))), ["doctype"]);
    let outside = "<!DOCTYPE R [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>";
    assert_eq!(rules(&format!("{outside}{}", with("<e><a>&x;</a></e>"))), ["doctype"]);
    assert_eq!(rules(&with("<!DOCTYPE R>")), ["doctype"]);
    assert_eq!(rules(&format!("{document}<!DOCTYPE R>")), ["doctype"]);
    assert_eq!(rules(&with("<e><a><![CDATA[<!DOCTYPE R>]]></a></e>")), ["pattern"]);
}

#[test]
fn a_document_may_not_choose_its_type_or_its_schema() {
    let hints = format!(
        "<R xmlns='urn:t' xmlns:xsi='{XSI}' xsi:schemaLocation='urn:t http://127.0.0.9/x.xsd' \
         xsi:noNamespaceSchemaLocation='file:///etc/passwd'><e><a>a</a></e></R>"
    );
    assert_eq!(rules(&hints), [""; 0]);
    for attribute in [
        "xsi:type='xs:string' xmlns:xs='http://www.w3.org/2001/XMLSchema'",
        "xsi:type='unknown:T'",
        "xsi:type='T'",
        "xsi:nil='true'",
        "xsi:nil='nonsense'",
    ] {
        assert_eq!(rules(&with(&format!("<e><a {attribute}>a</a></e>"))), ["not_allowed"]);
    }
    // A type that extends the declared one is what XML Schema allows.
    assert_eq!(rules(&with("<e xsi:type='U'><a>a</a><more/></e>")), [""; 0]);
    assert_eq!(rules(&with("<e xsi:type='U'><a>a</a></e>")), ["other"]);
    assert_eq!(rules(&with("<e xsi:type='A'><a>a</a></e>")), ["not_allowed"]);
}

#[test]
fn what_is_too_large_is_refused_by_its_limit() {
    let nested = |depth: usize| format!("{}{}", "<e>".repeat(depth), "</e>".repeat(depth));
    let many = |count: usize, name: &str| -> String {
        (0..count).map(|index| format!(" {name}{index}='u'")).collect()
    };
    let set = events();
    for (event, limit) in [
        (nested(40), "element depth"),
        (nested(100_000), "element depth"),
        ("<e>".repeat(100_000), "element depth"),
        (format!("<e{}/>", many(65, "a")), "attributes on one element"),
        (format!("<e{}/>", many(100_000, "a")), "attributes on one element"),
        (format!("<e{}/>", many(33, "xmlns:p")), "namespace declarations on one element"),
        (format!("<e{}/>", many(100_000, "xmlns:p")), "namespace declarations on one element"),
        (format!("<e><a>{}</a></e>", "x".repeat(70_000)), "text size"),
        (format!("<!--{}-->", "x".repeat(70_000)), "text size"),
        (format!("<e n='{}'/>", "1".repeat(5_000)), "attribute value size"),
        (format!("<{}/>", "n".repeat(200)), "name length"),
        (format!("<e xmlns='{}'/>", "u".repeat(600)), "namespace URI length"),
        ("<e><a>a</a></e>".repeat(MAX_NODES / 3), "nodes in the document"),
        (" ".repeat(MAX_DOCUMENT_BYTES), "bytes"),
    ] {
        let found = set.validate(&with(&event));
        assert_eq!(found.len(), 1, "{limit}");
        assert_eq!(found[0].rule, Rule::Limit, "{limit}");
        assert!(found[0].message.contains(limit), "{found:?}");
    }
}

#[test]
fn what_is_no_xml_1_0_in_utf_8_is_not_well_formed() {
    for document in [
        "",
        " ",
        "R",
        "<R",
        "<R xmlns='urn:t'><e></R>",
        "<R xmlns='urn:t'>&unknown;</R>",
        "<R xmlns='urn:t'>&#0;</R>",
        "<R xmlns='urn:t'>\u{1}</R>",
        "<x:R/>",
        "<R xmlns='urn:t' a='1' a='2'/>",
        "<R xmlns='urn:t'/><R/>",
        "<?xml version='1.1'?><R xmlns='urn:t'/>",
        "<?xml version='1.0' encoding='UTF-16'?><R xmlns='urn:t'/>",
    ] {
        assert_eq!(rules(document), ["not_well_formed"], "{document}");
    }
    let declared =
        format!("\u{feff}<?xml version='1.0' encoding='utf-8'?><!-- c --><?p i?>{}", with("<e><a>a</a></e>"));
    assert_eq!(rules(&declared), [""; 0]);
}

#[test]
fn a_document_full_of_faults_yields_a_bounded_answer() {
    let foreign: String = (0..20_000).map(|index| format!("<x{index}/>")).collect();
    let empty = "<e/>".repeat(20_000);
    for event in [foreign.clone(), empty.clone(), format!("{foreign}{empty}")] {
        let found = events().validate(&with(&event));
        assert!((1..=100).contains(&found.len()), "{}", found.len());
    }
}

#[test]
fn long_texts_against_patterns_come_to_an_end() {
    for text in ["a", "a-", "-a", "aaaaaaaa-", "-"] {
        let text = text.repeat(60_000 / text.len());
        let found = events().validate(&with(&format!("<e><a>{text}</a></e>")));
        assert!(found.len() <= 1, "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_validator_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let set = events();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(!set.validate(&text).is_empty());
        for document in [
            text.clone(),
            with(&text),
            with(&format!("<e><a>{text}</a></e>")),
            with(&format!("<e n='{text}'><a>a</a></e>")),
        ] {
            prop_assert!(is_checked(&set.validate(&document)));
        }
    }

    #[test]
    fn no_damage_to_a_document_makes_the_validator_panic(
        cuts in prop::collection::vec((0usize..400, 0usize..12, "[<>/&;='\" a-z:!\\[\\]-]{0,6}"), 1..5),
    ) {
        let set = events();
        let mut document = with("<e n='1.5'><a>ab-c</a><d>2026-11-22</d></e><e><a>x</a></e>");
        for (start, length, text) in cuts {
            let start = start.min(document.len());
            let end = (start + length).min(document.len());
            document.replace_range(start..end, &text);
        }
        prop_assert!(is_checked(&set.validate(&document)));
    }

    #[test]
    fn no_value_of_a_document_is_in_a_message(value in "[ -~]{0,20}") {
        let set = events();
        let value = format!("C4N4RY{}", quick_xml::escape::escape(value));
        for event in [
            format!("<e><a>{value}</a></e>"),
            format!("<e><a>a</a><d>{value}</d></e>"),
            format!("<e n='{value}'><a>a</a></e>"),
            format!("<e x='{value}'><a>a</a></e>"),
            format!("{value}<e/>"),
            format!("<e xsi:type='{value}'><a>a</a></e>"),
            format!("<e><a>a</a><!-- {value}"),
        ] {
            let found = set.validate(&with(&event));
            prop_assert!(!found.is_empty());
            prop_assert!(!format!("{found:?}").contains("C4N4RY"), "{found:?}");
        }
    }
}
