//! The outline of a SOAP request: which operation it is, and that it is built as one.
//!
//! yaserde is lenient about structure: it takes any root, skips elements that it does not know,
//! lets a child come twice or out of order, and stops reading at the root's end. So this pass is
//! strict, before yaserde reads the values: root, namespaces, one known operation, all its children
//! once and in order, no DOCTYPE, no processing instruction, nothing after the end.

use super::messages::{API_NAMESPACE, SOAP_NAMESPACE};
use xml::name::OwnedName;
use xml::reader::{EventReader, ParserConfig, XmlEvent};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Event,
    Events,
    AsyncEvent,
    AsyncEvents,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Event, Self::Events, Self::AsyncEvent, Self::AsyncEvents];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event => "addEvent",
            Self::Events => "addMEvents",
            Self::AsyncEvent => "addAsyncEvent",
            Self::AsyncEvents => "addMAsyncEvents",
        }
    }

    /// What the `SOAPAction` header says, without its quotes.
    pub(super) fn soap_action(self) -> String {
        format!("{API_NAMESPACE}#{}", self.name())
    }

    fn children(self) -> &'static [&'static str] {
        const BATCH: &[&str] = &["platformId", "serviceId", "channel", "numEvents", "payLoad", "hashKey"];
        match self {
            Self::Event => &["platformId", "serviceId", "channel", "responseRequired", "payLoad", "hashKey"],
            Self::AsyncEvent => &["platformId", "serviceId", "channel", "payLoad", "callbackId", "hashKey"],
            Self::Events | Self::AsyncEvents => BATCH,
        }
    }
}

/// Walks through the whole request once and names its operation, or says what is wrong with it.
pub(super) fn operation(text: &str) -> Result<Operation, String> {
    let mut reader = reader(text);
    let mut outline = Outline::default();
    loop {
        let event = reader.next().map_err(|_| "the request is not well-formed XML".to_owned())?;
        match event {
            XmlEvent::EndDocument => return outline.finish(),
            XmlEvent::StartElement { name, .. } => outline.enter(name)?,
            XmlEvent::EndElement { .. } => outline.depth -= 1,
            XmlEvent::Characters(text) => outline.text(&text)?,
            XmlEvent::Doctype { .. } => return Err("a SOAP message has no DOCTYPE".to_owned()),
            XmlEvent::ProcessingInstruction { .. } => {
                return Err("a SOAP message has no processing instruction".to_owned());
            }
            _ => {}
        }
    }
}

/// A reader that hands over text as it is meant: outer white space too (yaserde's own would trim it,
/// and a payload that lost its last line end would no longer match its hash), and CDATA as text.
pub(super) fn reader(text: &str) -> EventReader<&[u8]> {
    let config = ParserConfig::new()
        .trim_whitespace(false)
        .whitespace_to_characters(true)
        .cdata_to_characters(true)
        .coalesce_characters(true)
        .ignore_comments(true)
        .allow_multiple_root_elements(false)
        .override_encoding(Some(xml::Encoding::Utf8));
    EventReader::new_with_config(text.as_bytes(), config)
}

#[derive(Default)]
struct Outline {
    depth: usize,
    in_body: bool,
    operation: Option<Operation>,
    children: Vec<String>,
}

impl Outline {
    fn enter(&mut self, name: OwnedName) -> Result<(), String> {
        self.depth += 1;
        match self.depth {
            1 => expect(&name, SOAP_NAMESPACE, "Envelope")?,
            2 if self.in_body => return Err("something follows the SOAP Body".to_owned()),
            2 if is(&name, SOAP_NAMESPACE, "Header") => {}
            2 => {
                expect(&name, SOAP_NAMESPACE, "Body")?;
                self.in_body = true;
            }
            // What a header holds is not looked at.
            _ if !self.in_body => {}
            3 if self.operation.is_some() => {
                return Err("the SOAP Body holds more than one element".to_owned());
            }
            3 => self.operation = Some(known_operation(&name)?),
            4 if name.namespace.as_deref() == Some(API_NAMESPACE) => {
                self.children.push(name.local_name);
            }
            4 => return Err(format!("a child is not in the namespace {API_NAMESPACE}")),
            _ => return Err("an element stands where text is expected".to_owned()),
        }
        Ok(())
    }

    fn text(&self, text: &str) -> Result<(), String> {
        if self.in_body && self.depth < 4 && !text.trim().is_empty() {
            return Err("text stands where an element is expected".to_owned());
        }
        Ok(())
    }

    fn finish(self) -> Result<Operation, String> {
        let operation = self.operation.ok_or("the SOAP Body is missing or empty")?;
        if self.children == operation.children() {
            return Ok(operation);
        }
        let (name, expected) = (operation.name(), operation.children().join(", "));
        Err(format!("the children of {name} are, in this order: {expected}"))
    }
}

fn is(name: &OwnedName, namespace: &str, local_name: &str) -> bool {
    name.local_name == local_name && name.namespace.as_deref() == Some(namespace)
}

fn expect(name: &OwnedName, namespace: &str, local_name: &str) -> Result<(), String> {
    if is(name, namespace, local_name) {
        return Ok(());
    }
    Err(format!("expected the element {local_name} of {namespace}"))
}

fn known_operation(name: &OwnedName) -> Result<Operation, String> {
    Operation::ALL
        .into_iter()
        .find(|operation| is(name, API_NAMESPACE, operation.name()))
        .ok_or_else(|| format!("there is no such operation in {API_NAMESPACE}"))
}
