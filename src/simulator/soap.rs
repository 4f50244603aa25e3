//! Reads a SOAP request and writes a SOAP answer, writes a callback and reads its acknowledgement: the
//! simulator's own codec.
//!
//! Reading takes two passes: first the outline, strict about structure (see `outline`), then
//! yaserde for the values, from the same kind of reader. What a payload means is not known here.

use super::messages::{
    AcknowledgementEnvelope, Answer, AnswerBody, AnswerEnvelope, CallbackBody, CallbackEnvelope, EventResult,
    Fault, RequestEnvelope, Results, ValidationErrors,
};
use super::outline::{self, Operation};
use super::signature::Signed;
use yaserde::YaDeserialize;

/// A request as it was understood, whatever its operation.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) platform_id: String,
    pub(super) service_id: String,
    pub(super) channel: String,
    /// Of `addEvent` alone.
    pub(super) response_required: Option<bool>,
    /// Of the two that carry many events.
    pub(super) num_events: Option<u32>,
    /// Of `addAsyncEvent` alone.
    pub(super) callback_id: Option<String>,
    pub(super) payload: String,
    pub(super) hash_key: String,
}

impl Request {
    pub(super) fn signed(&self) -> Signed<'_> {
        Signed {
            platform_id: &self.platform_id,
            service_id: &self.service_id,
            channel: &self.channel,
            payload: &self.payload,
            callback_id: self.callback_id.as_deref(),
        }
    }
}

/// Reads a request, or says what is wrong with it in words fit for a SOAP Fault.
pub(super) fn read(body: &[u8]) -> Result<Request, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the request is not UTF-8".to_owned())?;
    let operation = outline::operation(text)?;
    let mut deserializer = yaserde::de::Deserializer::new(outline::reader(text));
    let envelope = RequestEnvelope::deserialize(&mut deserializer)
        .map_err(|_| format!("a child of {} does not have its type", operation.name()))?;
    request(envelope).ok_or_else(|| format!("the request holds no {}", operation.name()))
}

/// The envelope of an answer with Results.
pub(super) fn answer(operation: Operation, results: Results) -> String {
    let answer = Some(Answer { results: writable_results(results) });
    let mut body = AnswerBody::default();
    match operation {
        Operation::Event => body.event = answer,
        Operation::Events => body.events = answer,
        Operation::AsyncEvent => body.async_event = answer,
        Operation::AsyncEvents => body.async_events = answer,
    }
    write(body)
}

/// The envelope of a SOAP Fault: `code` is `Client` or `Server`.
pub(super) fn fault(code: &str, text: &str) -> String {
    let fault = Fault { code: format!("soap:{code}"), text: writable(text.to_owned()) };
    write(AnswerBody { fault: Some(fault), ..AnswerBody::default() })
}

/// The envelope of a callback, whose Results are writable already, since they were signed so.
pub(super) fn callback(event_result: EventResult) -> String {
    yaserde::ser::to_string(&CallbackEnvelope { body: CallbackBody { event_result } })
        .expect("a callback of plain text can be written into memory")
}

/// Whether a callback's answer says that it was taken.
pub(super) fn is_acknowledgement(text: &str) -> bool {
    let envelope = yaserde::de::from_str::<AcknowledgementEnvelope>(text);
    envelope.is_ok_and(|envelope| envelope.body.response.is_some_and(|response| response.ack == "OK"))
}

fn write(body: AnswerBody) -> String {
    yaserde::ser::to_string(&AnswerEnvelope { body })
        .expect("an answer of plain text can be written into memory")
}

fn request(envelope: RequestEnvelope) -> Option<Request> {
    let body = envelope.body;
    if let Some(one) = body.event {
        return Some(Request {
            operation: Operation::Event,
            platform_id: one.platform_id,
            service_id: one.service_id,
            channel: one.channel,
            response_required: Some(one.response_required),
            num_events: None,
            callback_id: None,
            payload: one.payload,
            hash_key: one.hash_key,
        });
    }
    if let Some(one) = body.async_event {
        return Some(Request {
            operation: Operation::AsyncEvent,
            platform_id: one.platform_id,
            service_id: one.service_id,
            channel: one.channel,
            response_required: None,
            num_events: None,
            callback_id: Some(one.callback_id),
            payload: one.payload,
            hash_key: one.hash_key,
        });
    }
    let sync = body.events.map(|many| (Operation::Events, many));
    let later = || body.async_events.map(|many| (Operation::AsyncEvents, many));
    let (operation, many) = sync.or_else(later)?;
    Some(Request {
        operation,
        platform_id: many.platform_id,
        service_id: many.service_id,
        channel: many.channel,
        response_required: None,
        num_events: Some(many.num_events),
        callback_id: None,
        payload: many.payload,
        hash_key: many.hash_key,
    })
}

/// Without what no XML document may hold.
pub(super) fn writable_results(mut results: Results) -> Results {
    results.return_code = writable(results.return_code);
    results.return_message = results.return_message.map(writable);
    results.event_id = results.event_id.map(writable);
    results.risk_score = results.risk_score.map(writable);
    results.risk_action = results.risk_action.map(writable);
    results.reasons = results.reasons.into_iter().map(writable).collect();
    if let Some(ValidationErrors { errors }) = &mut results.validation_errors {
        for error in errors {
            error.text = writable(std::mem::take(&mut error.text));
            error.event_id = error.event_id.take().map(writable);
        }
    }
    results
}

/// The writer lets through what no XML document may hold, and a carriage return that no reader
/// would hand back: both become U+FFFD.
fn writable(text: String) -> String {
    let forbidden = |c: char| matches!(c, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { text.replace(forbidden, "\u{fffd}") } else { text }
}
