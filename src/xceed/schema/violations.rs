//! What a document does wrong: one violation for each broken field, in our own words.
//!
//! The library's own sentences quote the document and repeat themselves; here they give nothing
//! but the rule and the place. What is allowed there is told from the field table, so no value of
//! a document can reach a log or a caller. It does not validate (`validator.rs`).

use xsd_schema::InstanceValidationError;
use xsd_schema::validation::PathStep;

use super::field_table::{Content, Element, SimpleType};
use super::wording;

const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// One field that is not as the schema demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Local names from the root's child down to the field; last, for an attribute, `@` and its
    /// name. Empty for the root itself.
    pub path: Vec<String>,
    /// Which of the repeated event elements it lies in, from zero; 0 outside of them.
    pub occurrence: usize,
    /// The rule that is broken.
    pub rule: Rule,
    /// What is allowed, never what was found: "must be 1 to 128 characters".
    pub message: String,
}

impl Violation {
    /// Whether both are about the same field.
    pub(super) fn is_about_the_field_of(&self, other: &Self) -> bool {
        self.path == other.path && self.occurrence == other.occurrence
    }

    /// A violation of the document as a whole.
    pub(super) fn of_document(rule: Rule, message: impl Into<String>) -> Self {
        Self { path: Vec::new(), occurrence: 0, rule, message: message.into() }
    }
}

/// The rule that a document breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A required element or attribute is missing.
    Required,
    /// An element, an attribute or a text stands where the schema has none.
    NotAllowed,
    /// The text is not of the type.
    Type,
    /// The text does not match a pattern.
    Pattern,
    /// The text is too short or too long.
    Length,
    /// The word is not among those listed.
    Enumeration,
    /// The value is below or above the bounds.
    Range,
    /// The number has too many digits.
    Digits,
    /// The value is not the one that the schema fixes.
    Fixed,
    /// An element occurs too often or not often enough.
    Occurrence,
    /// The text is not well-formed XML 1.0.
    NotWellFormed,
    /// The document has a DOCTYPE.
    Doctype,
    /// The document is larger, deeper or wider than is taken.
    Limit,
    /// Anything else that the schema demands, as a key that must be unique.
    Other,
}

impl Rule {
    /// The rule's name for the outside; it does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::NotAllowed => "not_allowed",
            Self::Type => "type",
            Self::Pattern => "pattern",
            Self::Length => "length",
            Self::Enumeration => "enumeration",
            Self::Range => "range",
            Self::Digits => "digits",
            Self::Fixed => "fixed",
            Self::Occurrence => "occurrence",
            Self::NotWellFormed => "not_well_formed",
            Self::Doctype => "doctype",
            Self::Limit => "limit",
            Self::Other => "other",
        }
    }
}

/// A place in a document: the elements from the root down, each with its position among siblings of
/// the same name, from one; and the attribute, if it is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) elements: Vec<(String, usize)>,
    pub(super) attribute: Option<String>,
}

impl Place {
    /// The place the library says an error is about.
    pub(super) fn of(error: &InstanceValidationError) -> Self {
        let mut place = Self { elements: Vec::new(), attribute: None };
        let Some(path) = error.instance_path() else {
            return place;
        };
        for step in path.steps() {
            let name = step.name();
            match step {
                PathStep::Element { position, .. } => {
                    place.elements.push((name.local_name().to_owned(), *position));
                }
                // What is wrong with xsi:type or xsi:nil is wrong with the element.
                PathStep::Attribute { .. } if name.namespace() == Some(XSI_NAMESPACE) => {}
                _ => place.attribute = Some(name.local_name().to_owned()),
            }
        }
        place
    }

    /// The violation of `rule` at this place, seen from the root of the field table.
    pub(super) fn violation(&self, root: &Element, rule: Rule, message: String) -> Violation {
        let mut path: Vec<String> = self.elements.iter().skip(1).map(|(name, _)| name.clone()).collect();
        path.extend(self.attribute.iter().map(|name| format!("@{name}")));
        Violation { path, occurrence: self.occurrence(root), rule, message }
    }

    fn occurrence(&self, root: &Element) -> usize {
        let mut element = root;
        for (name, position) in self.elements.iter().skip(1) {
            let Some(child) = element.child(name) else {
                return 0;
            };
            if child.is_repeated() {
                return position - 1;
            }
            element = child;
        }
        0
    }

    /// What the field table says of the element at this place.
    fn element<'a>(&self, root: &'a Element) -> Option<&'a Element> {
        self.elements.iter().skip(1).try_fold(root, |element, (name, _)| element.child(name))
    }

    fn simple<'a>(&self, root: &'a Element) -> Option<&'a SimpleType> {
        let element = self.element(root)?;
        match (&self.attribute, &element.content) {
            (Some(name), _) => Some(&element.attribute(name)?.simple),
            (None, Content::Simple(simple)) => Some(simple),
            _ => None,
        }
    }

    fn fixed<'a>(&self, root: &'a Element) -> Option<&'a str> {
        let element = self.element(root)?;
        match &self.attribute {
            Some(name) => element.attribute(name)?.fixed.as_deref(),
            None => element.fixed.as_deref(),
        }
    }
}

/// Whether an error is about which children or attributes an element has, not about a value. Such
/// an error hides others, and the library does not say what it expected.
pub(super) fn is_structural(error: &InstanceValidationError) -> bool {
    matches!(error.constraint, "cvc-complex-type.2.4" | "cvc-complex-type.4" | "cvc-elt.1")
}

/// The violation that an error about a value tells of.
pub(super) fn of_value(error: &InstanceValidationError, root: &Element) -> (Place, Violation) {
    let place = Place::of(error);
    let (rule, message) = judge(error.constraint, &place, root);
    let violation = place.violation(root, rule, message);
    (place, violation)
}

fn judge(constraint: &str, place: &Place, root: &Element) -> (Rule, String) {
    let rule = match constraint {
        "cvc-pattern-valid" => Rule::Pattern,
        "cvc-length-valid" | "cvc-minLength-valid" | "cvc-maxLength-valid" => Rule::Length,
        "cvc-enumeration-valid" => Rule::Enumeration,
        "cvc-minInclusive-valid"
        | "cvc-maxInclusive-valid"
        | "cvc-minExclusive-valid"
        | "cvc-maxExclusive-valid" => Rule::Range,
        "cvc-totalDigits-valid" | "cvc-fractionDigits-valid" => Rule::Digits,
        "cvc-attribute.4" | "cvc-elt.5.2.2.1" | "cvc-elt.5.2.2.2" | "cvc-elt.5.2.2" => {
            let value = place.fixed(root).map(|value| format!("must be {value}"));
            return (Rule::Fixed, value.unwrap_or_else(|| "must have its fixed value".to_owned()));
        }
        other => return judge_other(other, place, root),
    };
    (rule, allowed(place, root))
}

fn judge_other(constraint: &str, place: &Place, root: &Element) -> (Rule, String) {
    let not_allowed = |message: &str| (Rule::NotAllowed, message.to_owned());
    if constraint.starts_with("cvc-elt.3") {
        not_allowed("may not be given as nil (xsi:nil)")
    } else if constraint.starts_with("cvc-elt.4") || constraint == "cvc-elt.2" {
        not_allowed("may not be given another type (xsi:type)")
    } else if constraint.starts_with("cvc-complex-type.3") {
        not_allowed("is not an attribute of this element")
    } else if constraint == "cvc-complex-type.2.1" {
        not_allowed("must be empty")
    } else if constraint == "cvc-complex-type.2.3" {
        not_allowed("may hold elements only, no text of its own")
    } else if constraint.starts_with("cvc-identity-constraint") {
        (Rule::Other, "must satisfy a key of the schema: unique, complete and known".to_owned())
    } else if constraint.starts_with("cvc-id") {
        (Rule::Other, "must be an id that is unique, or that the document defines".to_owned())
    } else if place.simple(root).is_some() {
        (Rule::Type, allowed(place, root))
    } else {
        (Rule::Other, "is not as the schema demands".to_owned())
    }
}

fn allowed(place: &Place, root: &Element) -> String {
    place.simple(root).map_or_else(|| "is not of its type".to_owned(), wording::allowed)
}
