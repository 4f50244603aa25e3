//! Callbacks as Xceed sends them, and as somebody else would like to: written and signed by hand.

use super::gateway::Gateway;
use super::http::{Connection, Request, Response};
use sha1::{Digest, Sha1};
use std::io;

/// One callback of the reference model's worked example; a test changes what matters.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) service_id: String,
    pub(crate) secret: String,
    pub(crate) event_id: String,
    pub(crate) return_code: String,
    pub(crate) risk_score: String,
    pub(crate) risk_action: String,
    pub(crate) callback_id: String,
    /// A hash in the place of the right one.
    pub(crate) seal: Option<String>,
}

impl Callback {
    /// A score of 73 with the action `Hold`.
    pub(crate) fn of(event_id: &str) -> Self {
        let text = str::to_owned;
        Self {
            service_id: text("210021"),
            secret: text("311a5439c8bda8ef"),
            event_id: text(event_id),
            return_code: text("SUCCESS"),
            risk_score: text("73.0"),
            risk_action: text("Hold"),
            callback_id: text("gw1"),
            seal: None,
        }
    }

    /// What is hashed.
    pub(crate) fn text(&self) -> String {
        let Self { service_id, secret, event_id, return_code, risk_score, risk_action, callback_id, .. } =
            self;
        format!("3{service_id}Wire{secret}{event_id}{return_code}{risk_score}{risk_action}{callback_id}")
    }

    pub(crate) fn hash(&self) -> String {
        self.seal.clone().unwrap_or_else(|| hex::encode(Sha1::digest(self.text())))
    }

    /// With this hash, whatever is changed afterwards.
    pub(crate) fn hashed(&self, hash: &str) -> Self {
        Self { seal: Some(hash.to_owned()), ..self.clone() }
    }

    /// With the hash that it has now, whatever is changed afterwards.
    pub(crate) fn sealed(&self) -> Self {
        self.hashed(&self.hash())
    }

    /// The element in the SOAP body.
    pub(crate) fn element(&self) -> String {
        let Self { event_id, return_code, risk_score, risk_action, callback_id, .. } = self;
        let optional = |name: &str, text: &str| match text {
            "" => String::new(),
            text => format!("<{name}>{text}</{name}>"),
        };
        let (score, action) = (optional("riskScore", risk_score), optional("riskAction", risk_action));
        format!(
            "<eventResult xmlns=\"urn:xceed:api:1.0\"><callbackId>{callback_id}</callbackId>\
             <eventId>{event_id}</eventId><Results><returnCode>{return_code}</returnCode>{score}{action}</Results>\
             <hashKey>{}</hashKey></eventResult>",
            self.hash()
        )
    }

    pub(crate) fn envelope(&self) -> String {
        wrap(&self.element())
    }

    pub(crate) fn request(&self) -> Request {
        callback_request(&self.callback_id, self.envelope())
    }
}

/// A SOAP 1.1 envelope around a body.
pub(crate) fn wrap(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// A call of the address of this callback id.
pub(crate) fn callback_request(callback_id: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", &format!("/xceed/callback/{callback_id}"))
        .header("Content-Type", "text/xml; charset=utf-8")
        .header("SOAPAction", "\"urn:xceed:api:1.0#eventResult\"")
        .body(body)
}

impl Gateway {
    /// Sends a callback, or what shall look like one.
    pub(crate) fn try_call_back(&self, request: &Request) -> io::Result<Response> {
        Connection::open(self.address())?.send(request)
    }

    pub(crate) fn call_back(&self, request: &Request) -> Response {
        self.try_call_back(request).unwrap_or_else(|error| panic!("the callback gets no answer: {error}"))
    }
}
