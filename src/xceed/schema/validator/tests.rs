//! Which violation each fault of a document becomes.
//!
//! The schema is small and has one of each: a union, a choice, a repeated element, a fixed attribute.

use super::super::tests::set_of;

const TYPES: &str = "<xs:simpleType name='Id'><xs:restriction base='xs:token'>\
    <xs:minLength value='1'/><xs:maxLength value='128'/></xs:restriction></xs:simpleType>\
    <xs:simpleType name='NoDate'><xs:restriction base='xs:string'>\
    <xs:enumeration value='0000-00-00'/></xs:restriction></xs:simpleType>\
    <xs:simpleType name='Date'><xs:union memberTypes='xs:date NoDate'/></xs:simpleType>\
    <xs:simpleType name='Currency'><xs:restriction base='xs:token'>\
    <xs:pattern value='[A-Z]{3}|Unknown|Other'/></xs:restriction></xs:simpleType>\
    <xs:simpleType name='Kind'><xs:restriction base='xs:token'><xs:enumeration value='Login'/>\
    <xs:enumeration value='Other'/></xs:restriction></xs:simpleType>\
    <xs:simpleType name='Cents'><xs:restriction base='xs:decimal'>\
    <xs:fractionDigits value='2'/><xs:minInclusive value='0'/></xs:restriction></xs:simpleType>";

const EVENTS: &str = "<xs:element name='Events'><xs:complexType><xs:sequence>\
    <xs:element name='Event' type='Event' maxOccurs='unbounded'/></xs:sequence>\
    <xs:attribute name='version' type='xs:token' use='required' fixed='1.0'/>\
    </xs:complexType></xs:element>\
    <xs:complexType name='Event'><xs:sequence><xs:element name='EventId' type='Id'/>\
    <xs:element name='EventType' type='Kind'/><xs:element name='Note' type='xs:string' \
    minOccurs='0' maxOccurs='2'/><xs:choice minOccurs='0'>\
    <xs:element name='Transaction'><xs:complexType><xs:sequence>\
    <xs:element name='Amount' type='xs:double'/><xs:element name='Fee' type='Cents'/>\
    <xs:element name='Currency' type='Currency'/><xs:element name='ValueDate' type='Date'/>\
    </xs:sequence></xs:complexType></xs:element>\
    <xs:element name='Device'><xs:complexType/></xs:element></xs:choice></xs:sequence>\
    </xs:complexType>";

const DOCUMENT: &str = "<Events xmlns='urn:t' version='1.0'><Event><EventId>e-1</EventId>\
    <EventType>Login</EventType><Note>n</Note><Transaction><Amount>1.00</Amount><Fee>0.10</Fee>\
    <Currency>USD</Currency><ValueDate>0000-00-00</ValueDate></Transaction></Event>\
    <Event><EventId>e-2</EventId><EventType>Other</EventType><Device/></Event></Events>";

/// What is found after `from` became `to`, one line for each violation.
fn found(changes: &[(&str, &str)]) -> Vec<String> {
    let mut document = DOCUMENT.to_owned();
    for (from, to) in changes {
        assert!(document.contains(from), "{from} is not in {document}");
        document = document.replacen(from, to, 1);
    }
    set_of(&format!("{EVENTS}{TYPES}"))
        .validate(&document)
        .into_iter()
        .map(|one| {
            let path = one.path.join("/");
            format!("{path} {} {}: {}", one.occurrence, one.rule.name(), one.message)
        })
        .collect()
}

#[test]
fn a_valid_document_has_no_violation() {
    assert_eq!(found(&[]), [""; 0]);
}

#[test]
fn a_wrong_value_is_told_by_its_place_and_by_what_is_allowed() {
    let cases = [
        ("USD", "usd", "Event/Transaction/Currency 0 pattern: must match [A-Z]{3}|Unknown|Other"),
        (
            "0000-00-00",
            "2026-02-30",
            "Event/Transaction/ValueDate 0 type: must be a date (YYYY-MM-DD) or 0000-00-00",
        ),
        ("1.00", "a lot", "Event/Transaction/Amount 0 type: must be a number"),
        (
            "0.10",
            "0.105",
            "Event/Transaction/Fee 0 digits: must be a decimal number, at least 0, at most 2 of them after the point",
        ),
        (
            "0.10",
            "-1",
            "Event/Transaction/Fee 0 range: must be a decimal number, at least 0, at most 2 of them after the point",
        ),
        ("e-1", "", "Event/EventId 0 length: must be 1 to 128 characters"),
        ("e-2", " ", "Event/EventId 1 length: must be 1 to 128 characters"),
        (">Other", ">Logout", "Event/EventType 1 enumeration: must be one of Login, Other"),
        ("1.0", "1.1", "@version 0 fixed: must be 1.0"),
        ("<Device/>", "<Device>text</Device>", "Event/Device 1 not_allowed: must be empty"),
        (
            "<Event><EventId>e-2",
            "<Event>text<EventId>e-2",
            "Event 1 not_allowed: may hold elements only, no text of its own",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(found(&[(from, to)]), [expected]);
    }
}

#[test]
fn what_is_missing_foreign_or_misplaced_is_one_violation_each() {
    let cases = [
        ("<EventId>e-1</EventId>", "", "Event/EventId 0 required: is required"),
        ("<Currency>USD</Currency>", "", "Event/Transaction/Currency 0 required: is required"),
        ("<ValueDate>0000-00-00</ValueDate>", "", "Event/Transaction/ValueDate 0 required: is required"),
        (" version='1.0'", "", "@version 0 required: is required"),
        (
            "<Device/>",
            "<Foreign>x</Foreign>",
            "Event/Foreign 1 not_allowed: is not an element that the schema has here",
        ),
        ("<Device/>", "<Device xmlns=''/>", "Event/Device 1 not_allowed: must be in the namespace urn:t"),
        (
            "<EventId>e-2",
            "<EventId xmlns='urn:u'>e-2",
            "Event/EventId 1 not_allowed: must be in the namespace urn:t",
        ),
        ("<Note>n</Note>", "<Note/><Note/><Note/>", "Event/Note 0 occurrence: may occur at most 2 times"),
        ("<Device/>", "<Device/><Device/>", "Event/Device 1 occurrence: may occur at most once"),
        (
            "</Transaction>",
            "</Transaction><Device/>",
            "Event/Device 0 not_allowed: may not be given with the other: only one of Transaction, Device",
        ),
        (
            "<EventId>e-1</EventId><EventType>Login</EventType>",
            "<EventType>Login</EventType><EventId>e-1</EventId>",
            "Event/EventId 0 not_allowed: must come before EventType",
        ),
        ("<EventId>e-2", "<EventId><b/>e-2", "Event/EventId/b 1 not_allowed: may hold no elements"),
        ("<Event>", "<Event a='b'>", "Event/@a 0 not_allowed: is not an attribute of this element"),
        ("<Note>", "<Note a='b'>", "Event/Note/@a 0 not_allowed: is not an attribute of this element"),
        (
            "<Events xmlns='urn:t'",
            "<Events xmlns='urn:u'",
            " 0 not_allowed: the root element must be Events in the namespace urn:t",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(found(&[(from, to)]), [expected], "{from} -> {to}");
    }
}

#[test]
fn a_fault_in_the_order_does_not_hide_the_faults_behind_it() {
    let found = found(&[
        ("<EventId>e-1</EventId>", ""),
        ("<Amount>1.00</Amount>", ""),
        ("USD", "usd"),
        ("0000-00-00", "soon"),
        ("e-2", ""),
        ("<Device/>", "<Foreign>x</Foreign><Transaction/>"),
    ]);
    assert_eq!(
        found,
        [
            "Event/EventId 0 required: is required",
            "Event/Transaction/Amount 0 required: is required",
            "Event/Transaction/Currency 0 pattern: must match [A-Z]{3}|Unknown|Other",
            "Event/Transaction/ValueDate 0 type: must be a date (YYYY-MM-DD) or 0000-00-00",
            "Event/EventId 1 length: must be 1 to 128 characters",
            "Event/Transaction/Amount 1 required: is required",
            "Event/Transaction/Fee 1 required: is required",
            "Event/Transaction/Currency 1 required: is required",
            "Event/Transaction/ValueDate 1 required: is required",
            "Event/Foreign 1 not_allowed: is not an element that the schema has here",
        ]
    );
}

#[test]
fn elements_that_belong_together_are_missed_even_where_the_table_has_them_optional() {
    let set = set_of(
        "<xs:element name='R'><xs:complexType><xs:sequence><xs:sequence minOccurs='0'>\
         <xs:element name='a' type='xs:token'/><xs:element name='b' type='xs:token'/>\
         </xs:sequence></xs:sequence></xs:complexType></xs:element>",
    );
    assert_eq!(set.validate("<R xmlns='urn:t'/>"), []);
    let found = set.validate("<R xmlns='urn:t'><a/></R>");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].message, "its elements are not in the number and order that the schema has");
}

#[test]
fn a_key_that_is_not_unique_is_a_violation() {
    let set = set_of(
        "<xs:element name='R'><xs:complexType><xs:sequence>\
         <xs:element name='a' type='xs:token' maxOccurs='9'/></xs:sequence></xs:complexType>\
         <xs:unique name='u'><xs:selector xpath='*'/><xs:field xpath='.'/></xs:unique>\
         </xs:element>",
    );
    let found = set.validate("<R xmlns='urn:t'><a>SECRET</a><a>SECRET</a></R>");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule.name(), found[0].occurrence), ("other", 1));
    assert!(!found[0].message.contains("SECRET"));
}
