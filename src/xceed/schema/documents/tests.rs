//! Sets of several documents, and documents that must not be read.
//!
//! Nothing here touches a file or a network.

use super::super::SchemaSet;
use super::*;

const SCHEMA: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'";

fn load(files: &[(&str, &str)]) -> Result<SchemaSet, Vec<String>> {
    let given = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    SchemaSet::load("1.0", given.collect())
}

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    load(files).expect_err("the set must be refused")
}

#[test]
fn a_set_without_its_entry_is_refused() {
    assert_eq!(problems(&[]), ["xsd/1.0/events.xsd: is missing; a set begins with it"]);
}

#[test]
fn a_location_outside_of_the_set_is_refused_and_named() {
    for location in [
        "http://127.0.0.9/x.xsd",
        "file:///etc/passwd",
        "/etc/passwd",
        "../types.xsd",
        "a/../../types.xsd",
        "C:\\types.xsd",
        "\\\\host\\types.xsd",
        "missing.xsd",
        "",
    ] {
        for directive in ["include", "redefine", "import namespace='urn:x'"] {
            let xsd = format!(
                "{SCHEMA}><xs:{directive} schemaLocation='{location}'/>\
                 <xs:element name='E' type='xs:string'/></xs:schema>"
            );
            let found = problems(&[("events.xsd", &xsd), ("types.xsd", "<x/>")]);
            assert_eq!(found.len(), 1, "{found:?}");
            let begin = format!("xsd/1.0/events.xsd: names the schema location \"{location}\", which is not");
            assert!(found[0].starts_with(&begin), "{found:?}");
        }
    }
}

#[test]
fn every_problem_of_every_document_is_told_at_once() {
    let entry = format!(
        "{SCHEMA}><xs:include schemaLocation='a.xsd'/><xs:include schemaLocation='b.xsd'/>\
         <xs:include schemaLocation='c.xsd'/><xs:include schemaLocation='d.xsd'/></xs:schema>"
    );
    let found = problems(&[
        ("events.xsd", &entry),
        ("a.xsd", "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
        ("b.xsd", "<b></c>"),
        ("d.xsd", "<!-- cut off"),
    ]);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().any(|one| one.contains("a.xsd: has a DOCTYPE")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("b.xsd: is not well-formed")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("\"c.xsd\"")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("d.xsd: is not well-formed")), "{found:?}");
}

#[test]
fn a_schema_error_is_told_with_its_file_and_line() {
    let entry = format!("{SCHEMA}><xs:include schemaLocation='a.xsd'/></xs:schema>");
    let wrong = format!("{SCHEMA}>\n\n<xs:element nam='E'/></xs:schema>");
    let found = problems(&[("events.xsd", &entry), ("a.xsd", &wrong)]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("xsd/1.0/a.xsd: line 3: "), "{found:?}");
    assert!(!found[0].contains(BASE), "{found:?}");
}

#[test]
fn a_schema_error_names_our_files_and_not_the_librarys_addresses() {
    let xsd = format!(
        "{SCHEMA} xmlns:o='urn:o'><xs:element name='E'><xs:complexType><xs:sequence>\
         <xs:element name='a' type='o:T'/></xs:sequence></xs:complexType></xs:element></xs:schema>"
    );
    let found = problems(&[("events.xsd", &xsd)]);
    assert!(found[0].ends_with("schema document 'events.xsd' (src-resolve)"), "{found:?}");
}

#[test]
fn a_document_in_utf_16_is_read() {
    let xsd = format!("{SCHEMA}><xs:element name='E' type='xs:date'/></xs:schema>");
    let bytes = std::iter::once(0xfeff).chain(xsd.encode_utf16()).flat_map(u16::to_le_bytes);
    let given = BTreeMap::from([("events.xsd".to_owned(), bytes.collect())]);
    let set = SchemaSet::load("1.0", given).expect("a good set");
    assert_eq!(set.document().name, "E");
}

#[test]
fn text_that_is_neither_utf_8_nor_utf_16_is_refused() {
    let given = BTreeMap::from([("events.xsd".to_owned(), vec![b'<', 0xff, 0xfe])]);
    let found = SchemaSet::load("1.0", given).expect_err("not text");
    assert_eq!(found, ["xsd/1.0/events.xsd: is not UTF-8 or UTF-16 text"]);
}

#[test]
fn the_documents_of_a_set_may_include_one_another_in_folders_and_in_circles() {
    let entry = format!(
        "{SCHEMA} targetNamespace='urn:e' xmlns:c='urn:c'>\
         <xs:import namespace='urn:c' schemaLocation='./common/c.xsd'/>\
         <xs:element name='E'><xs:complexType><xs:sequence><xs:element ref='c:F'/>\
         <xs:element name='G' type='c:T'/></xs:sequence></xs:complexType></xs:element>\
         </xs:schema>"
    );
    let common = format!(
        "{SCHEMA} targetNamespace='urn:c' xmlns='urn:c' elementFormDefault='qualified'>\
         <xs:include schemaLocation='t.xsd'/>\
         <xs:import namespace='urn:e' schemaLocation='../events.xsd'/>\
         <xs:element name='F' type='T'/></xs:schema>"
    );
    let types = format!(
        "{SCHEMA} targetNamespace='urn:c'><xs:include schemaLocation='c.xsd'/>\
         <xs:simpleType name='T'><xs:restriction base='xs:token'/></xs:simpleType></xs:schema>"
    );
    let files = [("events.xsd", &*entry), ("common/c.xsd", &common), ("common/t.xsd", &types)];
    let set = load(&files).expect("all of them are given");
    let names: Vec<_> =
        set.document().children().map(|child| (child.name.as_str(), child.namespace.as_deref())).collect();
    assert_eq!(names, [("F", Some("urn:c")), ("G", None)]);
    let valid = "<E xmlns='urn:e'><F xmlns='urn:c'>f</F><G xmlns=''>g</G></E>";
    assert_eq!(set.validate(valid), []);
}

#[test]
fn a_redefined_type_is_the_one_that_counts() {
    let entry = format!(
        "{SCHEMA}><xs:redefine schemaLocation='t.xsd'><xs:simpleType name='T'>\
         <xs:restriction base='T'><xs:maxLength value='3'/></xs:restriction></xs:simpleType>\
         </xs:redefine><xs:element name='E' type='T'/></xs:schema>"
    );
    let types = format!(
        "{SCHEMA}><xs:simpleType name='T'><xs:restriction base='xs:token'>\
         <xs:minLength value='1'/></xs:restriction></xs:simpleType></xs:schema>"
    );
    let set = load(&[("events.xsd", &entry), ("t.xsd", &types)]).expect("a good set");
    let found = set.validate("<E>four</E>");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "must be 1 to 3 characters");
}
