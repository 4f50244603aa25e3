//! The SOAP messages of the simulator, as types that yaserde derives its reading and writing from.
//!
//! Not the gateway's codec, and nothing is shared with it: the gateway writes requests and reads
//! answers with code of its own, so that each of the two proves the other. Names and order are
//! those of the reference model, namespace `urn:xceed:api:1.0`, SOAP 1.1, document/literal.

use serde::Serialize;
use yaserde::{YaDeserialize, YaSerialize};

/// The namespace of SOAP 1.1.
pub(super) const SOAP_NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The namespace of the operations, and of all that is in them.
pub(super) const API_NAMESPACE: &str = "urn:xceed:api:1.0";

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(rename = "Envelope", prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/"})]
pub(super) struct RequestEnvelope {
    #[yaserde(prefix = "soap", rename = "Body")]
    pub(super) body: RequestBody,
}

/// One of the four is there: the reader's outline sees to that before yaserde reads the values.
#[derive(Debug, Default, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/", "x" = "urn:xceed:api:1.0"})]
pub(super) struct RequestBody {
    #[yaserde(prefix = "x", rename = "addEvent")]
    pub(super) event: Option<AddEvent>,
    #[yaserde(prefix = "x", rename = "addMEvents")]
    pub(super) events: Option<AddMEvents>,
    #[yaserde(prefix = "x", rename = "addAsyncEvent")]
    pub(super) async_event: Option<AddAsyncEvent>,
    #[yaserde(prefix = "x", rename = "addMAsyncEvents")]
    pub(super) async_events: Option<AddMEvents>,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct AddEvent {
    #[yaserde(prefix = "x", rename = "platformId")]
    pub(super) platform_id: String,
    #[yaserde(prefix = "x", rename = "serviceId")]
    pub(super) service_id: String,
    #[yaserde(prefix = "x")]
    pub(super) channel: String,
    #[yaserde(prefix = "x", rename = "responseRequired")]
    pub(super) response_required: bool,
    #[yaserde(prefix = "x", rename = "payLoad")]
    pub(super) payload: String,
    #[yaserde(prefix = "x", rename = "hashKey")]
    pub(super) hash_key: String,
}

/// `addMEvents` and `addMAsyncEvents` have the same children.
#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct AddMEvents {
    #[yaserde(prefix = "x", rename = "platformId")]
    pub(super) platform_id: String,
    #[yaserde(prefix = "x", rename = "serviceId")]
    pub(super) service_id: String,
    #[yaserde(prefix = "x")]
    pub(super) channel: String,
    #[yaserde(prefix = "x", rename = "numEvents")]
    pub(super) num_events: u32,
    #[yaserde(prefix = "x", rename = "payLoad")]
    pub(super) payload: String,
    #[yaserde(prefix = "x", rename = "hashKey")]
    pub(super) hash_key: String,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct AddAsyncEvent {
    #[yaserde(prefix = "x", rename = "platformId")]
    pub(super) platform_id: String,
    #[yaserde(prefix = "x", rename = "serviceId")]
    pub(super) service_id: String,
    #[yaserde(prefix = "x")]
    pub(super) channel: String,
    #[yaserde(prefix = "x", rename = "payLoad")]
    pub(super) payload: String,
    #[yaserde(prefix = "x", rename = "callbackId")]
    pub(super) callback_id: String,
    #[yaserde(prefix = "x", rename = "hashKey")]
    pub(super) hash_key: String,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(rename = "Envelope", prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/"})]
pub(super) struct AnswerEnvelope {
    #[yaserde(prefix = "soap", rename = "Body")]
    pub(super) body: AnswerBody,
}

#[derive(Debug, Default, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/", "x" = "urn:xceed:api:1.0"})]
pub(super) struct AnswerBody {
    #[yaserde(prefix = "x", rename = "addEventResponse")]
    pub(super) event: Option<Answer>,
    #[yaserde(prefix = "x", rename = "addMEventsResponse")]
    pub(super) events: Option<Answer>,
    #[yaserde(prefix = "x", rename = "addAsyncEventResponse")]
    pub(super) async_event: Option<Answer>,
    #[yaserde(prefix = "x", rename = "addMAsyncEventsResponse")]
    pub(super) async_events: Option<Answer>,
    #[yaserde(prefix = "soap", rename = "Fault")]
    pub(super) fault: Option<Fault>,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct Answer {
    #[yaserde(prefix = "x", rename = "Results")]
    pub(super) results: Results,
}

#[derive(Clone, Debug, Default, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct Results {
    #[yaserde(prefix = "x", rename = "returnCode")]
    pub(super) return_code: String,
    #[yaserde(prefix = "x", rename = "returnMessage")]
    pub(super) return_message: Option<String>,
    #[yaserde(prefix = "x", rename = "eventId")]
    pub(super) event_id: Option<String>,
    #[yaserde(prefix = "x", rename = "riskScore")]
    pub(super) risk_score: Option<String>,
    #[yaserde(prefix = "x", rename = "riskAction")]
    pub(super) risk_action: Option<String>,
    #[yaserde(prefix = "x", rename = "reason")]
    pub(super) reasons: Vec<String>,
    #[yaserde(prefix = "x", rename = "validationErrors")]
    pub(super) validation_errors: Option<ValidationErrors>,
}

#[derive(Clone, Debug, Default, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct ValidationErrors {
    #[yaserde(prefix = "x", rename = "error")]
    pub(super) errors: Vec<ValidationError>,
}

#[derive(Clone, Debug, PartialEq, Serialize, YaDeserialize, YaSerialize)]
#[serde(rename_all = "camelCase")]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct ValidationError {
    #[yaserde(attribute = true, rename = "eventId")]
    pub(super) event_id: Option<String>,
    #[yaserde(text = true)]
    pub(super) text: String,
}

/// What is called back.
#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(rename = "Envelope", prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/"})]
pub(super) struct CallbackEnvelope {
    #[yaserde(prefix = "soap", rename = "Body")]
    pub(super) body: CallbackBody,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/", "x" = "urn:xceed:api:1.0"})]
pub(super) struct CallbackBody {
    #[yaserde(prefix = "x", rename = "eventResult")]
    pub(super) event_result: EventResult,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct EventResult {
    #[yaserde(prefix = "x", rename = "callbackId")]
    pub(super) callback_id: String,
    #[yaserde(prefix = "x", rename = "eventId")]
    pub(super) event_id: String,
    #[yaserde(prefix = "x", rename = "Results")]
    pub(super) results: Results,
    #[yaserde(prefix = "x", rename = "hashKey")]
    pub(super) hash_key: String,
}

/// What the one who was called answers.
#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(rename = "Envelope", prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/"})]
pub(super) struct AcknowledgementEnvelope {
    #[yaserde(prefix = "soap", rename = "Body")]
    pub(super) body: AcknowledgementBody,
}

#[derive(Debug, Default, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "soap", namespaces = {"soap" = "http://schemas.xmlsoap.org/soap/envelope/", "x" = "urn:xceed:api:1.0"})]
pub(super) struct AcknowledgementBody {
    #[yaserde(prefix = "x", rename = "eventResultResponse")]
    pub(super) response: Option<Acknowledgement>,
}

#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
#[yaserde(prefix = "x", namespaces = {"x" = "urn:xceed:api:1.0"})]
pub(super) struct Acknowledgement {
    #[yaserde(prefix = "x")]
    pub(super) ack: String,
}

/// A SOAP Fault. Its children are in no namespace, as SOAP 1.1 has it.
#[derive(Debug, PartialEq, YaDeserialize, YaSerialize)]
pub(super) struct Fault {
    #[yaserde(rename = "faultcode")]
    pub(super) code: String,
    #[yaserde(rename = "faultstring")]
    pub(super) text: String,
}
