//! The requests to Xceed, compiled from the API set (`operations.toml`): names, order, hash recipe and case, escaped or
//! CDATA are data. A request is signed here and nowhere else, and only what is signed is sent.

use super::paths::{Paths, PathsForm};
use super::signature::{Case, sign};
use crate::soap::envelope::{BEFORE, BEHIND};
use quick_xml::escape::{escape, partial_escape};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The messages around the payload.
#[derive(Clone, Debug)]
pub struct ApiSet {
    /// Scores one event.
    pub add_event: Operation,
    /// Takes one event in; the score comes by callback.
    pub add_async_event: Operation,
    /// Takes many events in.
    pub add_m_events: Operation,
    /// Takes many events in, and processes them behind.
    pub add_m_async_events: Operation,
    /// What the answers look like.
    pub results: Paths,
    /// What a callback looks like, and its acknowledgement.
    pub callback: CallbackForm,
}

/// A callback as the API set describes it.
#[derive(Clone, Debug)]
pub struct CallbackForm {
    pub(super) namespace: String,
    pub(super) qualified: bool,
    pub(super) element: String,
    pub(super) callback_id: String,
    pub(super) event_id: String,
    pub(super) hash_key: String,
    pub(super) results: Paths,
    pub(super) hash: Vec<Value>,
    pub(super) case: Case,
    pub(super) response: String,
    pub(super) ack: String,
}

/// One request, ready to be filled.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The `SOAPAction` header, in quotes.
    pub soap_action: String,
    /// The namespace and name of the answer's element.
    pub response: (String, String),
    /// The namespace of elements inside a message.
    pub inner_namespace: Option<String>,
    pieces: Vec<Piece>,
    hash: Vec<Value>,
    case: Case,
    cdata: bool,
}

/// A signed request. Made by [`Operation::request`] alone.
#[derive(Clone, Debug)]
pub struct Request(String);

impl Request {
    /// The envelope's text.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Value(Value),
}

/// What can stand in a request, or in what is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of operations.toml")]
pub enum Value {
    PlatformId,
    ServiceId,
    Channel,
    ResponseRequired,
    NumEvents,
    CallbackId,
    Payload,
    Hash,
    SecretKey,
    EventId,
    ReturnCode,
    RiskScore,
    RiskAction,
}

impl Value {
    const SENT: [Self; 8] = [
        Self::PlatformId,
        Self::ServiceId,
        Self::Channel,
        Self::ResponseRequired,
        Self::NumEvents,
        Self::CallbackId,
        Self::Payload,
        Self::Hash,
    ];
    const HASHED_IN_A_CALLBACK: [Self; 9] = [
        Self::PlatformId,
        Self::ServiceId,
        Self::Channel,
        Self::SecretKey,
        Self::CallbackId,
        Self::EventId,
        Self::ReturnCode,
        Self::RiskScore,
        Self::RiskAction,
    ];

    fn is_hashed_in_a_request(self) -> bool {
        self == Self::SecretKey || (self != Self::Hash && Self::SENT.contains(&self))
    }
}

/// What fills a request.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "named as the vendor names them")]
pub struct Values<'a> {
    pub platform_id: &'a str,
    pub service_id: &'a str,
    pub channel: &'a str,
    pub secret_key: &'a str,
    pub payload: &'a str,
    pub response_required: bool,
    /// How many events the payload holds.
    pub num_events: &'a str,
    /// Empty where no callback is asked for.
    pub callback_id: &'a str,
}

impl<'a> Values<'a> {
    fn get(&self, value: Value) -> &'a str {
        match value {
            Value::PlatformId => self.platform_id,
            Value::ServiceId => self.service_id,
            Value::Channel => self.channel,
            Value::SecretKey => self.secret_key,
            Value::Payload => self.payload,
            Value::ResponseRequired if self.response_required => "true",
            Value::ResponseRequired => "false",
            Value::NumEvents => self.num_events,
            Value::CallbackId => self.callback_id,
            Value::Hash | Value::EventId | Value::ReturnCode | Value::RiskScore | Value::RiskAction => "",
        }
    }
}

impl Operation {
    /// The hash of a message with these values.
    pub fn hash(&self, values: &Values<'_>) -> String {
        sign(self.hash.iter().map(|&value| values.get(value)), self.case)
    }

    /// What is hashed, in its order.
    pub fn hashed<'a>(&self, values: &Values<'a>) -> Vec<(Value, &'a str)> {
        self.hash.iter().map(|&value| (value, values.get(value))).collect()
    }

    /// How the digits of the hash are written.
    pub fn case(&self) -> Case {
        self.case
    }

    /// Signs a message and wraps it.
    pub fn request(&self, values: &Values<'_>) -> Request {
        let hash = self.hash(values);
        let mut text = String::with_capacity(1024 + 2 * values.payload.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value(Value::Hash) => text.push_str(&hash),
                Piece::Value(Value::Payload) if self.cdata => push_cdata(&mut text, values.payload),
                Piece::Value(value) => text.push_str(&partial_escape(values.get(*value))),
            }
        }
        Request(text)
    }
}

/// CDATA can't hold its own end, so a text with one is written in two sections.
fn push_cdata(out: &mut String, text: &str) {
    out.push_str("<![CDATA[");
    out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
    out.push_str("]]>");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    namespace: String,
    qualified: bool,
    payload: PayloadForm,
    hash: HashForm,
    operations: BTreeMap<String, OperationForm>,
    results: PathsForm,
    callback: CallbackTable,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum PayloadForm {
    Escaped,
    Cdata,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HashForm {
    case: CaseForm,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CaseForm {
    Lower,
    Upper,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationForm {
    element: String,
    soap_action: String,
    fields: Vec<(String, Value)>,
    hash: Vec<Value>,
    response: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallbackTable {
    element: String,
    callback_id: String,
    event_id: String,
    results: String,
    hash_key: String,
    hash: Vec<Value>,
    response: String,
    ack: String,
}

/// The operations that every API set describes.
const OPERATIONS: [&str; 4] = ["addEvent", "addMEvents", "addAsyncEvent", "addMAsyncEvents"];

impl ApiSet {
    /// Compiles an API set.
    ///
    /// # Errors
    /// Everything that is wrong with it, each a sentence that names the place.
    pub fn compile(text: &str) -> Result<Self, Vec<String>> {
        let document: Document =
            toml::from_str(text).map_err(|e| vec![e.to_string().trim_end().to_owned()])?;
        let mut errors = check_names(&document);
        for name in OPERATIONS.iter().filter(|name| !document.operations.contains_key(**name)) {
            errors.push(format!("[operations.{name}] is missing"));
        }
        for (name, form) in &document.operations {
            check_operation(name, form, &mut errors);
        }
        let callback_hash = |value: &&Value| !Value::HASHED_IN_A_CALLBACK.contains(value);
        for value in document.callback.hash.iter().filter(callback_hash) {
            errors.push(format!("[callback] hash: {value:?} is no value of a callback"));
        }
        let compiled = |name: &str| document.operations.get(name).map(|form| document.compile(form));
        let one = compiled("addEvent").zip(compiled("addAsyncEvent"));
        match one.zip(compiled("addMEvents").zip(compiled("addMAsyncEvents"))) {
            Some(((add_event, add_async_event), (add_m_events, add_m_async_events))) if errors.is_empty() => {
                let results = Paths::compile(&document.results);
                let callback = document.callback(&results);
                Ok(Self { add_event, add_async_event, add_m_events, add_m_async_events, results, callback })
            }
            _ => Err(errors),
        }
    }
}

impl Document {
    fn callback(self, results: &Paths) -> CallbackForm {
        let case = self.case();
        CallbackForm {
            namespace: self.namespace,
            qualified: self.qualified,
            element: self.callback.element,
            callback_id: self.callback.callback_id,
            event_id: self.callback.event_id,
            hash_key: self.callback.hash_key,
            results: results.below(&self.callback.results),
            hash: self.callback.hash,
            case,
            response: self.callback.response,
            ack: self.callback.ack,
        }
    }

    fn case(&self) -> Case {
        match self.hash.case {
            CaseForm::Lower => Case::Lower,
            CaseForm::Upper => Case::Upper,
        }
    }

    fn compile(&self, form: &OperationForm) -> Operation {
        let namespace = escape(self.namespace.as_str());
        let element = &form.element;
        let (open, close) = if self.qualified {
            (format!("<{element} xmlns=\"{namespace}\">"), format!("</{element}>"))
        } else {
            (format!("<m:{element} xmlns:m=\"{namespace}\">"), format!("</m:{element}>"))
        };
        let mut pieces = vec![Piece::Text(format!("{BEFORE}{open}"))];
        for (field, value) in &form.fields {
            pieces.push(Piece::Text(format!("<{field}>")));
            pieces.push(Piece::Value(*value));
            pieces.push(Piece::Text(format!("</{field}>")));
        }
        pieces.push(Piece::Text(format!("{close}{BEHIND}")));
        Operation {
            soap_action: format!("\"{}\"", form.soap_action),
            response: (self.namespace.clone(), form.response.clone()),
            inner_namespace: self.qualified.then(|| self.namespace.clone()),
            pieces: joined(pieces),
            hash: form.hash.clone(),
            case: self.case(),
            cdata: self.payload == PayloadForm::Cdata,
        }
    }
}

/// Literals that stand beside each other become one.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

fn check_operation(name: &str, form: &OperationForm, errors: &mut Vec<String>) {
    for (element, value) in &form.fields {
        if !Value::SENT.contains(value) {
            errors.push(format!("[operations.{name}] {element}: {value:?} is never sent in a request"));
        }
    }
    for needed in [Value::Payload, Value::Hash] {
        if !form.fields.iter().any(|(_, value)| *value == needed) {
            errors.push(format!("[operations.{name}] fields: {needed:?} is missing"));
        }
    }
    for value in form.hash.iter().filter(|value| !value.is_hashed_in_a_request()) {
        errors.push(format!("[operations.{name}] hash: {value:?} is no value of a request"));
    }
    for needed in [Value::SecretKey, Value::Payload] {
        if !form.hash.contains(&needed) {
            errors.push(format!("[operations.{name}] hash: {needed:?} must be part of it"));
        }
    }
}

fn check_names(document: &Document) -> Vec<String> {
    let callback = &document.callback;
    let callback = [
        &callback.element,
        &callback.callback_id,
        &callback.event_id,
        &callback.results,
        &callback.hash_key,
        &callback.response,
        &callback.ack,
    ];
    let of_operation = |form: &'_ OperationForm| {
        let fields = form.fields.iter().map(|(element, _)| element.clone());
        fields.chain([form.element.clone(), form.response.clone()]).collect::<Vec<_>>()
    };
    let operations = document.operations.values().flat_map(of_operation);
    let names = callback.into_iter().cloned().chain(operations).chain(document.results.names());
    let mut errors: Vec<String> = names
        .filter(|name| !is_name(name))
        .map(|name| format!("{name:?} is no name of an element"))
        .collect();
    for (name, form) in &document.operations {
        if form.soap_action.chars().any(|c| c.is_control() || c == '"' || !c.is_ascii()) {
            errors.push(format!("[operations.{name}] soap_action must be printable ASCII without quotes"));
        }
    }
    errors
}

/// Whether the text is an XML name without a colon, of the characters that such names have in practice.
fn is_name(text: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || c == '_';
    text.starts_with(first) && text.chars().all(|c| first(c) || c.is_numeric() || c == '-' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::envelope::{Body, open};

    const SHIPPED: &str = include_str!("../../xsd/api/operations.toml");
    const FOREIGN: &str = include_str!("../../fixtures/foreign/xsd/api/operations.toml");

    fn values(payload: &str) -> Values<'_> {
        Values {
            platform_id: "3",
            service_id: "210021",
            channel: "Wire",
            secret_key: "311a5439c8bda8ef",
            payload,
            response_required: true,
            num_events: "2",
            callback_id: "cb-7",
        }
    }

    fn sent(api: &ApiSet, payload: &str) -> Vec<(String, String)> {
        let text = api.add_event.request(&values(payload)).into_text();
        let Ok(Body::Message(message)) = open(text.as_bytes()) else { panic!("{text}") };
        message.children.into_iter().map(|child| (child.name, child.text)).collect()
    }

    #[test]
    fn a_request_reads_back_as_it_was_meant() {
        let payload = "<a>]]> &amp; &lt;😀\n\t</a>";
        let hash = sign(["3", "210021", "Wire", "311a5439c8bda8ef", payload], Case::Lower);
        let read = sent(&ApiSet::compile(SHIPPED).expect("sound"), payload);
        let expected = [
            ("platformId", "3"),
            ("serviceId", "210021"),
            ("channel", "Wire"),
            ("responseRequired", "true"),
            ("payLoad", payload),
            ("hashKey", hash.as_str()),
        ];
        assert_eq!(read, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_callback_id_is_signed_in_the_operation_that_asks_for_a_callback() {
        let api = ApiSet::compile(SHIPPED).expect("sound");
        let values = values("<a/>");
        assert!(api.add_event.hashed(&values).iter().all(|(value, _)| *value != Value::CallbackId));
        assert_eq!(api.add_async_event.hashed(&values).last(), Some(&(Value::CallbackId, "cb-7")));
        assert_ne!(api.add_event.hash(&values), api.add_async_event.hash(&values));
    }

    #[test]
    fn a_foreign_api_set_needs_no_code() {
        let payload = "<a>]]&gt; ]]></a>";
        let hash = sign(["311a5439c8bda8ef", payload, "Wire", "210021", "3"], Case::Upper);
        let read = sent(&ApiSet::compile(FOREIGN).expect("sound"), payload);
        assert_eq!(read[0], ("digest".to_owned(), hash));
        assert_eq!(read[1], ("document".to_owned(), payload.to_owned()));
    }

    #[test]
    fn the_number_of_events_is_sent_and_where_the_set_says_so_signed() {
        let shipped = ApiSet::compile(SHIPPED).expect("sound");
        let payload = "<a/>";
        for operation in [&shipped.add_m_events, &shipped.add_m_async_events] {
            let text = operation.request(&values(payload)).into_text();
            let Ok(Body::Message(message)) = open(text.as_bytes()) else { panic!("{text}") };
            let count = message.children.iter().find(|child| child.name == "numEvents").expect("a count");
            assert_eq!(count.text, "2");
        }
        let hash = sign(["3", "210021", "Wire", "311a5439c8bda8ef", payload], Case::Lower);
        assert_eq!(shipped.add_m_events.hash(&values(payload)), hash);
        let foreign = ApiSet::compile(FOREIGN).expect("sound");
        let hash = sign(["311a5439c8bda8ef", "2", payload, "Wire", "210021", "3"], Case::Upper);
        assert_eq!(foreign.add_m_events.hash(&values(payload)), hash);
    }

    #[test]
    fn a_broken_api_set_says_everything_at_once() {
        let broken = SHIPPED
            .replace("[\"hashKey\", \"hash\"]", "[\"hash key\", \"secret_key\"]")
            .replace("[operations.addMEvents]", "[operations.addMany]");
        let errors = ApiSet::compile(&broken).expect_err("broken").join("\n");
        for part in
            ["never sent", "no name of an element", "[operations.addMEvents] is missing", "Hash is missing"]
        {
            assert!(errors.contains(part), "{part} in {errors}");
        }
        assert!(ApiSet::compile("namespace = 1").is_err());
    }
}
