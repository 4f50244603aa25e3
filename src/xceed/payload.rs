//! The payload: the event document as text, filled from the caller's JSON by the mapping and the schema's own rules.
//! Only this module makes a payload. Whether it is valid, the schema set says.
//! Source of the rules: FAQ 2 to 4 of the vendor's public developer page.

use super::display_fields::DisplayFields;
use super::mapping::{Mapping, OTHER, Part, Place, Slot, Source};
use super::schema::{Kind, MAX_TEXT_BYTES, Violation};
use crate::domain::event::{ContactEvent, FieldFault, forbidden_in_xml};
use crate::domain::field::Field;
use quick_xml::escape::partial_escape;
use std::borrow::Cow;

/// `&amp;`
const LONGEST_ESCAPE: usize = 5;

/// An event document that has been filled.
#[derive(Clone, Debug)]
pub struct Payload {
    text: String,
    defaulted: Vec<String>,
}

impl Payload {
    /// The text that is validated, signed and sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, and the elements that were filled without data, in the order of the schema.
    pub fn into_parts(self) -> (String, Vec<String>) {
        (self.text, self.defaulted)
    }
}

/// Fills a payload. A field that can't be sent as it is counts as one without data: its fault has been noted, or is
/// noted here.
pub fn fill(
    mapping: &Mapping,
    event: &ContactEvent<'_>,
    channel: &str,
    faults: &mut Vec<FieldFault>,
) -> Payload {
    let chosen = choose_part(mapping, event);
    let mut filling = Filling { event, channel, faults, defaulted: Vec::new(), replaced: Vec::new() };
    let filled: Vec<Filled<'_>> = mapping
        .places
        .iter()
        .map(|place| match place {
            Place::Field(slot) => Filled::Fields(vec![filling.text_of(slot)]),
            Place::Part(part) if chosen.is_some_and(|chosen| std::ptr::eq(chosen, part)) => {
                Filled::Fields(part.slots.iter().map(|slot| filling.text_of(slot)).collect())
            }
            Place::Part(_) => Filled::Nothing,
            Place::Display(_) => Filled::Display,
        })
        .collect();
    let Filling { defaulted, replaced, .. } = filling;
    let display = display_text(mapping, event, chosen, &replaced);
    Payload { text: write(mapping, &filled, display.as_deref()), defaulted }
}

/// The faults of an event, from what the schema says of its payload.
pub fn faults_of(mapping: &Mapping, event: &Field<'_>, violations: &[Violation]) -> Vec<FieldFault> {
    let fault = |violation: &Violation| {
        let name = violation.path.iter().rfind(|name| !name.starts_with('@')).map(String::as_str);
        let above = violation.path.iter().rev().nth(1).map(String::as_str);
        let field = name.and_then(|name| field_of(mapping, event, name, above));
        FieldFault {
            field: field.unwrap_or("attributes").to_owned(),
            element: name.map(str::to_owned),
            rule: violation.rule.name(),
            message: violation.message.clone(),
        }
    };
    violations.iter().map(fault).collect()
}

/// The JSON path behind an element: of its sources the one that has data, else the first.
fn field_of<'m>(
    mapping: &'m Mapping,
    event: &Field<'_>,
    element: &str,
    above: Option<&str>,
) -> Option<&'m str> {
    let part = mapping.parts().find(|part| above == Some(part.element.as_str()));
    let of_part = part.into_iter().flat_map(|part| &part.slots);
    let slot = of_part.chain(mapping.slots()).find(|slot| slot.element == element)?;
    path_of(slot, event)
}

/// Of an element's JSON paths the one that has data, else the first.
fn path_of<'m>(slot: &'m Slot, event: &Field<'_>) -> Option<&'m str> {
    let has_data = |path: &&str| event.at(path).is_some_and(Field::has_data);
    slot.paths().find(has_data).or_else(|| slot.paths().next())
}

/// The part that goes with the event's type, else the first in schema order that has data.
fn choose_part<'m>(mapping: &'m Mapping, event: &ContactEvent<'_>) -> Option<&'m Part> {
    let event_type = &event.facts.event_type;
    let has_data = |part: &&Part| part.slots.iter().any(|slot| data_at(slot, event.fields).is_some());
    let by_type = mapping.parts().find(|part| part.event_types.contains(event_type));
    by_type.or_else(|| mapping.parts().find(has_data))
}

enum Filled<'e> {
    Fields(Vec<Option<Cow<'e, str>>>),
    Display,
    Nothing,
}

struct Filling<'e, 'f> {
    event: &'e ContactEvent<'e>,
    channel: &'e str,
    faults: &'f mut Vec<FieldFault>,
    defaulted: Vec<String>,
    /// Tokens outside their enumeration, by element.
    replaced: Vec<(String, Cow<'e, str>)>,
}

impl<'e> Filling<'e, '_> {
    /// What stands in an element; `None` where it is left out.
    fn text_of(&mut self, slot: &Slot) -> Option<Cow<'e, str>> {
        let data = self.data_of(slot).map(|text| self.admit(slot, text));
        let too_long = data.as_ref().is_some_and(|text| !is_read(text));
        if too_long {
            self.note_too_long(slot);
        }
        match data.filter(|_| !too_long) {
            Some(text) => Some(text),
            None if slot.required => Some(self.default_of(slot)),
            None => None,
        }
    }

    fn data_of(&mut self, slot: &Slot) -> Option<Cow<'e, str>> {
        slot.sources.iter().find_map(|source| match source {
            Source::Path(path) => self.event.fields.at(path).and_then(sendable),
            Source::Channel => Some(Cow::Borrowed(self.channel)),
            Source::ReceivedAt => {
                self.defaulted.push(slot.element.clone());
                Some(Cow::Owned(format!("{:.3}", self.event.received_at)))
            }
        })
    }

    /// Unless the field has a fault already: one is enough to mend it by.
    fn note_too_long(&mut self, slot: &Slot) {
        let path = path_of(slot, self.event.fields).unwrap_or(&slot.element);
        let message = format!("must be at most {MAX_TEXT_BYTES} bytes, however much its element takes");
        if self.faults.iter().all(|known| known.field != path) {
            let element = Some(slot.element.clone());
            self.faults.push(FieldFault { element, ..FieldFault::new(path, "length", message) });
        }
    }

    /// A token outside its enumeration becomes `Other`, and the original goes into the display element.
    fn admit(&mut self, slot: &Slot, text: Cow<'e, str>) -> Cow<'e, str> {
        match &slot.words {
            Some(words) if !words.iter().any(|word| is_token(&text, word)) => {
                self.replaced.push((slot.element.clone(), text));
                Cow::Borrowed(OTHER)
            }
            _ => text,
        }
    }

    /// What stands for data that a required element lacks.
    fn default_of(&mut self, slot: &Slot) -> Cow<'e, str> {
        let word = match &slot.kind {
            Kind::String | Kind::Token => "Unknown",
            Kind::Date => "0000-00-00",
            Kind::Boolean => "False",
            Kind::Double => "-1.00",
            Kind::Other(builtin) => {
                self.faults.push(missing(slot, builtin));
                return Cow::Borrowed("");
            }
        };
        self.defaulted.push(slot.element.clone());
        Cow::Borrowed(word)
    }
}

/// A required element of a type that has no word for missing data.
fn missing(slot: &Slot, builtin: &str) -> FieldFault {
    let path = slot.paths().next();
    FieldFault {
        field: path.unwrap_or(&slot.element).to_owned(),
        element: Some(slot.element.clone()),
        rule: "required",
        message: format!("is required: there is no word that stands for a missing {builtin}"),
    }
}

/// A token is compared as the schema does: white space around and between words does not count.
fn is_token(text: &str, word: &str) -> bool {
    text == word || text.split_ascii_whitespace().eq(word.split_ascii_whitespace())
}

/// Whether a schema set reads the text at all: left in, one that it doesn't would be a fault of the whole document.
fn is_read(text: &str) -> bool {
    text.len() <= MAX_TEXT_BYTES / LONGEST_ESCAPE || partial_escape(text).len() <= MAX_TEXT_BYTES
}

/// The first data at an element's JSON paths.
fn data_at<'e>(slot: &Slot, event: &'e Field<'_>) -> Option<Cow<'e, str>> {
    slot.paths().find_map(|path| event.at(path).and_then(sendable))
}

/// The text of a scalar that has data and can be sent, with line ends as an XML parser would make them.
fn sendable<'e>(field: &'e Field<'_>) -> Option<Cow<'e, str>> {
    match field {
        Field::Bool(true) => Some(Cow::Borrowed("true")),
        Field::Bool(false) => Some(Cow::Borrowed("false")),
        Field::Number(text) => Some(Cow::Borrowed(text)),
        Field::Text(text) if field.has_data() && forbidden_in_xml(text).is_none() => Some(line_ends(text)),
        Field::Text(_) | Field::Null | Field::List(_) | Field::Object(_) => None,
    }
}

/// CRLF and CR become LF: a parser would do so, and the signature covers what it hands over.
fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Replaced tokens in schema order, then what other parts would have taken, then attributes in the order received.
fn display_text(
    mapping: &Mapping,
    event: &ContactEvent<'_>,
    chosen: Option<&Part>,
    replaced: &[(String, Cow<'_, str>)],
) -> Option<String> {
    let mut display = DisplayFields::default();
    for (element, text) in replaced {
        display.add(element, text);
    }
    for part in mapping.parts().filter(|part| !chosen.is_some_and(|chosen| std::ptr::eq(chosen, *part))) {
        for slot in &part.slots {
            if let Some(text) = data_at(slot, event.fields) {
                display.add(&slot.element, &text);
            }
        }
    }
    let attributes = event.fields.member("attributes").map(Field::members).unwrap_or_default();
    for (name, value) in attributes {
        let mapped = mapping.mapped_attributes.iter().any(|own| own == name);
        if let Some(text) = sendable(value).filter(|_| !mapped && forbidden_in_xml(name).is_none()) {
            display.add(&line_ends(name), &text);
        }
    }
    display.text()
}

fn write(mapping: &Mapping, filled: &[Filled<'_>], display: Option<&str>) -> String {
    let mut text = String::with_capacity(2048);
    text.push_str(&mapping.head);
    for (place, filled) in mapping.places.iter().zip(filled) {
        match (place, filled) {
            (Place::Field(slot), Filled::Fields(texts)) => {
                write_fields(&mut text, std::slice::from_ref(slot), texts);
            }
            (Place::Part(part), Filled::Fields(texts)) => {
                text.push_str(&part.tags.open);
                write_fields(&mut text, &part.slots, texts);
                text.push_str(&part.tags.close);
            }
            (Place::Display(tags), _) => {
                if let Some(display) = display {
                    text.push_str(&tags.open);
                    text.push_str(&partial_escape(display));
                    text.push_str(&tags.close);
                }
            }
            _ => {}
        }
    }
    text.push_str(&mapping.tail);
    text
}

fn write_fields(out: &mut String, slots: &[Slot], texts: &[Option<Cow<'_, str>>]) {
    for (slot, text) in slots.iter().zip(texts) {
        if let Some(text) = text {
            out.push_str(&slot.tags.open);
            out.push_str(&partial_escape(text.as_ref()));
            out.push_str(&slot.tags.close);
        }
    }
}
