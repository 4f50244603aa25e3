//! Small XML documents from outside, read into a tree under strict limits by quick-xml. No DOCTYPE, no entities beyond
//! the five, UTF-8 alone; everything that costs memory has a limit. Not a validator.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

/// The longest document, in bytes.
pub const DOCUMENT_MAX: usize = 256 * 1024;
const DEPTH_MAX: usize = 32;
const ATTRIBUTES_MAX: usize = 64;
const ELEMENTS_MAX: usize = 10_000;

/// An element with all that stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its namespace; `None` for none.
    pub namespace: Option<String>,
    /// Its local name.
    pub name: String,
    /// Its attributes by local name, namespace declarations left out.
    pub attributes: Vec<(String, String)>,
    /// The text directly in it, unescaped.
    pub text: String,
    /// The elements directly in it.
    pub children: Vec<Self>,
}

impl Element {
    /// Whether this is the element of that name.
    pub fn is(&self, namespace: Option<&str>, name: &str) -> bool {
        self.name == name && self.namespace.as_deref() == namespace
    }

    /// The value of an attribute, by local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why a document was not read. Holds nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Over [`DOCUMENT_MAX`].
    #[error("the document is too large")]
    TooLarge,
    /// Bytes that are no UTF-8, or a declaration of another encoding.
    #[error("the document is not UTF-8")]
    Encoding,
    /// A document type declaration, whatever is in it.
    #[error("the document has a DOCTYPE")]
    Doctype,
    /// Too deep, too many elements or attributes.
    #[error("the document is too complex")]
    TooComplex,
    /// Not well-formed XML.
    #[error("the document is not well-formed XML")]
    Malformed,
}

/// Reads a document.
///
/// # Errors
/// See [`Unreadable`].
pub fn read(document: &[u8]) -> Result<Element, Unreadable> {
    if document.len() > DOCUMENT_MAX {
        return Err(Unreadable::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| Unreadable::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_xml) {
        return Err(Unreadable::Malformed);
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut builder = Builder::default();
    loop {
        let event = reader.read_event().map_err(|_| Unreadable::Malformed)?;
        match event {
            Event::Eof => return builder.finish(),
            Event::Start(start) => builder.open(&reader, &start)?,
            Event::Empty(start) => {
                builder.open(&reader, &start)?;
                builder.close()?;
            }
            Event::End(_) => builder.close()?,
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(data) => builder.text(&data.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|_| Unreadable::Malformed)?;
                let character = character.or_else(|| predefined(&reference.xml10_content()));
                let character = character.filter(|&c| is_xml(c)).ok_or(Unreadable::Malformed)?;
                builder.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().transpose().map_err(|_| Unreadable::Malformed)?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(Unreadable::Encoding);
                }
            }
            Event::DocType(_) => return Err(Unreadable::Doctype),
            Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

/// Whether XML 1.0 can carry the character; quick-xml lets others pass.
fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn predefined(entity: &str) -> Option<char> {
    match entity {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn open(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        self.elements += 1;
        if self.open.len() == DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(Unreadable::TooComplex);
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(Unreadable::Malformed);
        }
        let (namespace, name) = reader.resolver().resolve_element(start.name());
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => Some(namespace.0.to_owned()),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(_) => return Err(Unreadable::Malformed),
        };
        let mut element = Element { namespace, name: name.as_ref().to_owned(), ..Element::default() };
        for (count, attribute) in start.attributes().enumerate() {
            if count == ATTRIBUTES_MAX {
                return Err(Unreadable::TooComplex);
            }
            let attribute = attribute.map_err(|_| Unreadable::Malformed)?;
            if attribute.key.as_namespace_binding().is_none() {
                let value =
                    attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Unreadable::Malformed)?;
                element.attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
            }
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let element = self.open.pop().ok_or(Unreadable::Malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Unreadable> {
        match self.open.last_mut() {
            Some(element) => {
                element.text.push_str(text);
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err(Unreadable::Malformed),
        }
    }

    fn finish(self) -> Result<Element, Unreadable> {
        if !self.open.is_empty() {
            return Err(Unreadable::Malformed);
        }
        self.root.ok_or(Unreadable::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_comes_out_as_it_went_in_however_it_was_written() {
        let read = |xml: &str| read(xml.as_bytes()).expect("readable").text;
        assert_eq!(read("<a>x &lt;&amp;&gt; &#x20AC;&#8364;<![CDATA[<b>]]> y</a>"), "x <&> €€<b> y");
        assert_eq!(read("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><a> \n</a>\n<!-- c -->"), " \n");
    }

    #[test]
    fn names_carry_their_namespace() {
        let root = read(br#"<p:a xmlns:p="urn:x" k="v"><b xmlns="urn:y"/><c/></p:a>"#).expect("readable");
        assert!(root.is(Some("urn:x"), "a") && root.children[0].is(Some("urn:y"), "b"));
        assert!(root.children[1].is(None, "c"));
        assert_eq!(root.attribute("k"), Some("v"));
    }

    #[test]
    fn what_could_harm_is_refused() {
        let deep = "<a>".repeat(80_000);
        let wide = format!("<a {}/>", (0..100).map(|n| format!("k{n}='' ")).collect::<String>());
        for (xml, why) in [
            ("<!DOCTYPE a><a/>", Unreadable::Doctype),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", Unreadable::Doctype),
            ("<a>&b;</a>", Unreadable::Malformed),
            ("<a>&#0;</a>", Unreadable::Malformed),
            ("<a>&#1;</a>", Unreadable::Malformed),
            ("<a>\u{1}</a>", Unreadable::Malformed),
            ("<a>&#xD800;</a>", Unreadable::Malformed),
            ("<a/><b/>", Unreadable::Malformed),
            ("<a>", Unreadable::Malformed),
            ("<a></b>", Unreadable::Malformed),
            ("x<a/>", Unreadable::Malformed),
            ("", Unreadable::Malformed),
            ("<p:a/>", Unreadable::Malformed),
            ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Unreadable::Encoding),
            (deep.as_str(), Unreadable::TooComplex),
            (wide.as_str(), Unreadable::TooComplex),
        ] {
            assert_eq!(read(xml.as_bytes()), Err(why), "{}", xml.chars().take(60).collect::<String>());
        }
        assert_eq!(read(b"<a>\xff</a>"), Err(Unreadable::Encoding));
        assert_eq!(read(&vec![b' '; DOCUMENT_MAX + 1]), Err(Unreadable::TooLarge));
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(document in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&document);
        }

        #[test]
        fn no_markup_makes_it_panic(document in "[<>a/&;:#x0-9 '\"=!\\[\\]?-]{0,80}") {
            let _ = read(document.as_bytes());
        }
    }
}
