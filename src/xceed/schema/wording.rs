//! Says in words what a simple type admits: "must be 1 to 128 characters".
//!
//! All of it comes from the schema; no document is looked at. It reads nothing (`simple_types.rs`)
//! and judges nothing.

use super::field_table::{Facets, Kind, SimpleType};

/// Words of an enumeration that a sentence lists; the rest is counted.
const LISTED: usize = 40;

/// What a text of this type must be.
pub(super) fn allowed(simple: &SimpleType) -> String {
    format!("must {}", phrase(simple))
}

fn phrase(simple: &SimpleType) -> String {
    if let Some(words) = &simple.enumeration {
        return format!("be {}", one_of(words));
    }
    let mut clauses =
        if simple.members.is_empty() { described(simple) } else { vec![alternatives(&simple.members)] };
    for step in &simple.facets.patterns {
        clauses.push(format!("match {}", step.join(" or ")));
    }
    if clauses.is_empty() {
        clauses.push(noun(&simple.kind));
    }
    clauses.join(" and ")
}

/// The members of a union: "be a date (YYYY-MM-DD) or 0000-00-00".
fn alternatives(members: &[SimpleType]) -> String {
    let mut text = String::new();
    for member in members {
        let phrase = phrase(member);
        if text.is_empty() {
            text = phrase;
        } else if text.contains("match ") {
            text = format!("{text}, or {phrase}");
        } else {
            text = format!("{text} or {}", phrase.strip_prefix("be ").unwrap_or(&phrase));
        }
    }
    text
}

/// What the base type and the facets other than patterns say; nothing where any text will do.
fn described(simple: &SimpleType) -> Vec<String> {
    let facets = &simple.facets;
    let is_text = matches!(&simple.kind, Kind::String | Kind::Token)
        || matches!(&simple.kind, Kind::Other(name) if name == "normalizedString");
    let length = length(facets);
    if is_text {
        return length.map(|length| format!("be {length}")).into_iter().collect();
    }
    let length = length.map(|length| format!(", {length}")).unwrap_or_default();
    vec![format!("{}{length}{}", noun(&simple.kind), bounds(facets))]
}

fn one_of(words: &[String]) -> String {
    match words {
        [word] => word.clone(),
        words if words.len() <= LISTED => format!("one of {}", words.join(", ")),
        words => format!("one of {} and {} more", words[..LISTED].join(", "), words.len() - LISTED),
    }
}

fn length(facets: &Facets) -> Option<String> {
    let characters = |count: u64| {
        if count == 1 { "character" } else { "characters" }
    };
    match (facets.length, facets.min_length.filter(|min| *min > 0), facets.max_length) {
        (Some(exact), _, _) => Some(format!("exactly {exact} {}", characters(exact))),
        (None, Some(min), Some(max)) => Some(format!("{min} to {max} {}", characters(max))),
        (None, Some(min), None) => Some(format!("at least {min} {}", characters(min))),
        (None, None, Some(max)) => Some(format!("at most {max} {}", characters(max))),
        (None, None, None) => None,
    }
}

fn bounds(facets: &Facets) -> String {
    let mut text = String::new();
    match (&facets.min_inclusive, &facets.min_exclusive) {
        (Some(min), _) => text.push_str(&format!(", at least {min}")),
        (None, Some(min)) => text.push_str(&format!(", above {min}")),
        (None, None) => {}
    }
    match (&facets.max_inclusive, &facets.max_exclusive) {
        (Some(max), _) => text.push_str(&format!(", at most {max}")),
        (None, Some(max)) => text.push_str(&format!(", below {max}")),
        (None, None) => {}
    }
    if let Some(digits) = facets.total_digits {
        text.push_str(&format!(", at most {digits} digits"));
    }
    if let Some(digits) = facets.fraction_digits.filter(|digits| *digits > 0) {
        text.push_str(&format!(", at most {digits} of them after the point"));
    }
    text
}

fn noun(kind: &Kind) -> String {
    let name = match kind {
        Kind::String | Kind::Token => "text",
        Kind::Date => "a date (YYYY-MM-DD)",
        Kind::Boolean => "true or false",
        Kind::Double => "a number",
        Kind::Other(name) => return format!("be {}", other_noun(name)),
    };
    format!("be {name}")
}

fn other_noun(name: &str) -> String {
    let noun = match name {
        "normalizedString" => "text without tabs and line ends",
        "dateTime" => "a date and time (such as 2026-01-31T09:30:00Z)",
        "time" => "a time (hh:mm:ss)",
        "decimal" => "a decimal number",
        "float" => "a number",
        "integer" | "int" | "long" | "short" | "byte" | "nonNegativeInteger" | "positiveInteger"
        | "nonPositiveInteger" | "negativeInteger" | "unsignedLong" | "unsignedInt" | "unsignedShort"
        | "unsignedByte" => "a whole number",
        "anyURI" => "a URI",
        "language" => "a language tag",
        "list" => "a list of values separated by spaces",
        "anySimpleType" => "text",
        builtin => return format!("a value of the XML Schema type {builtin}"),
    };
    noun.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::field_table::Content;
    use super::super::tests::set_of;
    use super::*;

    /// What is said of an element of this simple type.
    fn said_of(simple_type: &str) -> String {
        let set = set_of(&format!(
            "<xs:element name='R'><xs:simpleType>{simple_type}</xs:simpleType></xs:element>\
             <xs:simpleType name='No'><xs:restriction base='xs:string'>\
             <xs:enumeration value='0000-00-00'/></xs:restriction></xs:simpleType>\
             <xs:simpleType name='Zoned'><xs:restriction base='xs:dateTime'>\
             <xs:pattern value='.+Z'/></xs:restriction></xs:simpleType>"
        ));
        match &set.document().content {
            Content::Simple(simple) => allowed(simple),
            other => panic!("{other:?}"),
        }
    }

    fn said_of_restriction(base: &str, facets: &str) -> String {
        let facets: String = facets
            .split_terminator(';')
            .map(|facet| {
                let (name, value) = facet.split_once('=').expect("name=value");
                format!("<xs:{name} value='{value}'/>")
            })
            .collect();
        said_of(&format!("<xs:restriction base='xs:{base}'>{facets}</xs:restriction>"))
    }

    #[test]
    fn a_restricted_type_reads_as_a_sentence() {
        let cases = [
            ("token", "minLength=1;maxLength=128", "must be 1 to 128 characters"),
            ("token", "minLength=1;maxLength=1", "must be 1 to 1 character"),
            ("string", "maxLength=4000", "must be at most 4000 characters"),
            ("string", "minLength=2", "must be at least 2 characters"),
            ("token", "length=26;pattern=[A-Z2-7]*", "must be exactly 26 characters and match [A-Z2-7]*"),
            ("token", "pattern=[A-Z]{3}|Unknown|Other", "must match [A-Z]{3}|Unknown|Other"),
            ("token", "pattern=a;pattern=b", "must match a or b"),
            ("token", "enumeration=B;enumeration=A", "must be one of B, A"),
            ("string", "enumeration=Wire", "must be Wire"),
            ("string", "", "must be text"),
            ("double", "", "must be a number"),
            ("double", "minInclusive=0;maxExclusive=100", "must be a number, at least 0, below 100"),
            (
                "decimal",
                "totalDigits=19;fractionDigits=4",
                "must be a decimal number, at most 19 digits, at most 4 of them after the point",
            ),
            ("unsignedByte", "", "must be a whole number, at least 0, at most 255"),
            ("boolean", "", "must be true or false"),
            ("date", "", "must be a date (YYYY-MM-DD)"),
            ("dateTime", "", "must be a date and time (such as 2026-01-31T09:30:00Z)"),
            (
                "hexBinary",
                "length=20",
                "must be a value of the XML Schema type hexBinary, exactly 20 characters",
            ),
        ];
        for (base, facets, expected) in cases {
            assert_eq!(said_of_restriction(base, facets), expected);
        }
    }

    #[test]
    fn a_union_reads_as_its_alternatives() {
        assert_eq!(
            said_of("<xs:union memberTypes='xs:date No'/>"),
            "must be a date (YYYY-MM-DD) or 0000-00-00"
        );
        assert_eq!(
            said_of("<xs:union memberTypes='Zoned No'/>"),
            "must be a date and time (such as 2026-01-31T09:30:00Z) and match .+Z, or be 0000-00-00"
        );
        assert_eq!(
            said_of("<xs:union memberTypes='xs:double No Zoned'/>"),
            "must be a number or 0000-00-00 or a date and time (such as 2026-01-31T09:30:00Z) \
             and match .+Z"
        );
    }

    #[test]
    fn a_long_enumeration_is_cut_and_counted() {
        let words: String = (0..45).map(|index| format!("enumeration=w{index};")).collect();
        let said = said_of_restriction("token", &words);
        assert!(said.starts_with("must be one of w0, w1, "), "{said}");
        assert!(said.ends_with(", w39 and 5 more"), "{said}");
    }
}
