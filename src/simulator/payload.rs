//! What the simulator looks at in a payload: the schema version, and a few facts of each event.
//!
//! Not a validation: whether a payload is valid is asked of the schema sets, from outside. Elements
//! are known by their local names, so that a provisioned schema set in another namespace is
//! understood as far as it uses the reference model's names. Each child of the root is one event.

use xml::common::Position;
use xml::reader::{EventReader, ParserConfig, XmlEvent};

#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    /// The root's `version`.
    pub(super) version: Option<String>,
    pub(super) events: Vec<EventFacts>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct EventFacts {
    pub(super) id: Option<String>,
    pub(super) event_type: String,
    pub(super) customer: String,
    pub(super) outcome: String,
    /// As it is written; of the first element within a part whose name ends in `Amount`.
    pub(super) amount: Option<String>,
}

/// Reads a payload, or says where it stops being XML.
pub(super) fn read(payload: &str) -> Result<Document, String> {
    let config = ParserConfig::new()
        .cdata_to_characters(true)
        .allow_multiple_root_elements(false)
        .override_encoding(Some(xml::Encoding::Utf8));
    let mut reader = EventReader::new_with_config(payload.as_bytes(), config);
    let mut document = Document::default();
    let mut path: Vec<String> = Vec::new();
    loop {
        let event = reader.next();
        match event {
            Ok(XmlEvent::EndDocument) => return Ok(document),
            Ok(XmlEvent::StartElement { name, attributes, .. }) => {
                match path.len() {
                    0 => {
                        let version = attributes.into_iter().find(|a| a.name.local_name == "version");
                        document.version = version.map(|attribute| attribute.value);
                    }
                    1 => document.events.push(EventFacts::default()),
                    _ => {}
                }
                path.push(name.local_name);
            }
            Ok(XmlEvent::EndElement { .. }) => drop(path.pop()),
            Ok(XmlEvent::Characters(text)) => {
                if let Some(event) = document.events.last_mut() {
                    event.note(path.get(2..).unwrap_or_default(), text);
                }
            }
            Ok(XmlEvent::Doctype { .. }) => return Err("a payload has no DOCTYPE".to_owned()),
            Ok(_) => {}
            Err(error) => {
                let place = error.position();
                let (line, column) = (place.row + 1, place.column + 1);
                return Err(format!("not well-formed XML at line {line}, column {column}"));
            }
        }
    }
}

impl EventFacts {
    /// `path` leads from the event to the element whose text this is.
    fn note(&mut self, path: &[String], text: String) {
        match path {
            [name] => match name.as_str() {
                "EventId" => self.id = Some(text),
                "EventType" => self.event_type = text,
                "CustomerId" => self.customer = text,
                "Outcome" => self.outcome = text,
                _ => {}
            },
            [_, name] if name.ends_with("Amount") && self.amount.is_none() => {
                self.amount = Some(text);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, EventFacts, read};

    #[test]
    fn version_and_facts_of_every_event_are_read() {
        let payload = "<Events xmlns=\"urn:xceed:events:1.0\" version=\"1.1\">\
            <Event><EventId>e-1</EventId><EventType>WireTransfer</EventType>\
            <CustomerId>a&amp;b <![CDATA[<c>]]></CustomerId><Outcome>Success</Outcome>\
            <Transaction><TransactionId>t</TransactionId><Amount>12500.00</Amount></Transaction>\
            </Event><Event><EventId>e-2</EventId></Event></Events>";
        let first = EventFacts {
            id: Some("e-1".to_owned()),
            event_type: "WireTransfer".to_owned(),
            customer: "a&b <c>".to_owned(),
            outcome: "Success".to_owned(),
            amount: Some("12500.00".to_owned()),
        };
        let second = EventFacts { id: Some("e-2".to_owned()), ..EventFacts::default() };
        let version = Some("1.1".to_owned());
        assert_eq!(read(payload), Ok(Document { version, events: vec![first, second] }));
    }

    #[test]
    fn what_is_not_xml_is_refused_with_its_place_and_without_its_text() {
        let refused = read("<Events>\n<secret").unwrap_err();
        assert!(refused.starts_with("not well-formed XML at line 2"), "{refused}");
        assert!(!refused.contains("secret"));
        assert_eq!(read("<!DOCTYPE e><e/>"), Err("a payload has no DOCTYPE".to_owned()));
    }
}
