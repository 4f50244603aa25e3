//! The SOAP 1.1 envelope: what stands around a message that is sent, and what an answer holds.

use super::NAMESPACE;
use super::tree::{Element, Unreadable, read};

/// What stands before a message.
pub const BEFORE: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>"#
);
/// What stands behind it.
pub const BEHIND: &str = "</soap:Body></soap:Envelope>";

/// What the body of an envelope holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A message: the one element in the body.
    Message(Element),
    /// A SOAP Fault. What it says is not trusted, so it is not kept.
    Fault,
}

/// Why a document is no envelope that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEnvelope {
    /// The document can't be read at all.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is XML, but no SOAP 1.1 envelope with one element in its body.
    #[error("the document is no SOAP 1.1 envelope")]
    NotSoap,
    /// It has a header that must be understood, and is not.
    #[error("the envelope has a header that must be understood")]
    MustUnderstand,
}

/// Takes the body out of an envelope.
///
/// # Errors
/// See [`NoEnvelope`].
pub fn open(document: &[u8]) -> Result<Body, NoEnvelope> {
    let envelope = read(document)?;
    if !envelope.is(Some(NAMESPACE), "Envelope") || !envelope.text.trim().is_empty() {
        return Err(NoEnvelope::NotSoap);
    }
    let mut parts = envelope.children.into_iter().peekable();
    if let Some(header) = parts.next_if(|part| part.is(Some(NAMESPACE), "Header"))
        && header.children.iter().any(|block| matches!(block.attribute("mustUnderstand"), Some("1" | "true")))
    {
        return Err(NoEnvelope::MustUnderstand);
    }
    let (Some(body), None) = (parts.next(), parts.next()) else { return Err(NoEnvelope::NotSoap) };
    if !body.is(Some(NAMESPACE), "Body") || !body.text.trim().is_empty() {
        return Err(NoEnvelope::NotSoap);
    }
    let mut messages = body.children.into_iter();
    match (messages.next(), messages.next()) {
        (Some(fault), None) if fault.is(Some(NAMESPACE), "Fault") => Ok(Body::Fault),
        (Some(message), None) => Ok(Body::Message(message)),
        _ => Err(NoEnvelope::NotSoap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(inside: &str) -> Result<Body, NoEnvelope> {
        open(format!("<e:Envelope xmlns:e=\"{NAMESPACE}\">{inside}</e:Envelope>").as_bytes())
    }

    #[test]
    fn the_one_element_of_the_body_is_the_message() {
        let body = envelope("<e:Header><h/></e:Header> <e:Body> <m/> </e:Body>");
        assert!(matches!(body, Ok(Body::Message(message)) if message.name == "m"));
        let body = envelope("<e:Body><e:Fault><faultcode>x</faultcode></e:Fault></e:Body>");
        assert_eq!(body, Ok(Body::Fault));
    }

    #[test]
    fn what_is_not_quite_an_envelope_is_refused() {
        for inside in [
            "",
            "<e:Body/>",
            "<e:Body><a/><b/></e:Body>",
            "<e:Body><a/></e:Body><e:Body><a/></e:Body>",
            "<e:Body><a/></e:Body><e:Header/>",
            "<Body><a/></Body>",
            "<e:Body>text<a/></e:Body>",
        ] {
            assert_eq!(envelope(inside), Err(NoEnvelope::NotSoap), "{inside}");
        }
        let header = "<e:Header><h e:mustUnderstand='1'/></e:Header><e:Body><a/></e:Body>";
        assert_eq!(envelope(header), Err(NoEnvelope::MustUnderstand));
        let soap12 = b"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><a/></e:Body></e:Envelope>";
        assert_eq!(open(soap12), Err(NoEnvelope::NotSoap));
    }

    #[test]
    fn what_is_sent_is_read_back() {
        let sent = format!("{BEFORE}<m>x</m>{BEHIND}");
        assert!(matches!(open(sent.as_bytes()), Ok(Body::Message(message)) if message.text == "x"));
    }
}
