//! The body of an answer, whole or broken as the scenario wants it.
//!
//! Everything that can be said in one HTTP message is made here, without a network; resets and
//! silence are the business of `connection`.

use super::behaviour::Fault;
use super::callbacks::Plan;
use super::messages::Results;
use super::soap;
use std::time::Duration;

const XML: &str = "text/xml; charset=utf-8";
/// More than the 256 KiB that a client has to read.
const HUGE: usize = 300 * 1024;

/// An answer, and how it is to be given.
pub(super) struct Reply {
    pub(super) delay: Duration,
    pub(super) fault: Fault,
    /// 200 or 500, as long as no fault says otherwise.
    pub(super) status: u16,
    pub(super) envelope: String,
    /// What is called back.
    pub(super) plan: Plan,
}

/// One HTTP message.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// What a fault changes in the Results themselves.
pub(super) fn disturb(results: &mut Results, fault: Fault) {
    match fault {
        Fault::WrongId => results.event_id = Some("SIM-ANOTHER-EVENT".to_owned()),
        Fault::Huge => results.reasons.push("x".repeat(HUGE)),
        _ => {}
    }
}

/// The message that says a reply, if no fault of the connection comes before.
pub(super) fn message(reply: Reply) -> Message {
    let Reply { fault, status, envelope, .. } = reply;
    let xml = |status: u16, text: String| Message { status, content_type: XML, body: text.into_bytes() };
    match fault {
        Fault::Garbage => {
            Message { status: 200, content_type: XML, body: b"\x00\xff\xfe<<&]]>\x80 not XML".to_vec() }
        }
        Fault::Html => Message {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body: b"<!DOCTYPE html><html><body><h1>Service unavailable</h1></body></html>".to_vec(),
        },
        Fault::Empty => Message { status: 500, content_type: XML, body: Vec::new() },
        Fault::SoapFault => xml(500, soap::fault("Server", "told by the scenario")),
        Fault::SoapFault200 => xml(200, soap::fault("Server", "told by the scenario")),
        Fault::Truncated => {
            let mut whole = xml(status, envelope);
            whole.body.truncate(whole.body.len() / 2);
            whole
        }
        Fault::Doctype => xml(status, behind_a_doctype(&envelope)),
        Fault::None | Fault::WrongId | Fault::Huge | Fault::Reset | Fault::ResetMidway | Fault::Drop => {
            xml(status, envelope)
        }
    }
}

fn behind_a_doctype(envelope: &str) -> String {
    let (declaration, rest) = envelope.split_once("?>").unwrap_or(("<?xml version=\"1.0\"", envelope));
    format!("{declaration}?><!DOCTYPE Envelope [<!ENTITY told \"by the scenario\">]>{rest}")
}
