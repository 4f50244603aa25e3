//! What a request must be before it is processed, in the order in which Xceed would look at it.
//!
//! Known platform and service? a channel of theirs? hash right? schema version there, and supported?
//! payload valid? number of events right? callback id registered? The first thing wrong is the return code. The codes are
//! the vendor's; that a single operation takes a single event, and else is a `REQUEST_ERROR`, is an
//! assumption of ours. The payload's validity is asked from outside.

use super::callbacks::Addresses;
use super::messages::{Results, ValidationError, ValidationErrors};
use super::payload::Document;
use super::soap::Request;
use super::{Tenant, Validate};

pub(super) struct Checks {
    pub(super) tenants: Vec<Tenant>,
    pub(super) versions: Vec<String>,
    pub(super) validate: Validate,
    pub(super) addresses: Addresses,
}

/// The Results of a request that is not processed. Those that concern the whole request name no
/// event.
type Refusal = Box<Results>;

impl Checks {
    /// Whether the hash is right; nothing where no key is known to try it with.
    pub(super) fn hash_ok(&self, request: &Request) -> Option<bool> {
        let signed = request.signed();
        let keys = &self.tenant(request)?.secret_keys;
        Some(keys.iter().any(|key| signed.hash_key(key) == request.hash_key))
    }

    pub(super) fn pass(
        &self,
        request: &Request,
        hash_ok: Option<bool>,
        document: &Result<Document, String>,
    ) -> Result<(), Refusal> {
        self.sender(request, hash_ok)?;
        let document = document.as_ref().map_err(|text| invalid(vec![(None, text.clone())]))?;
        self.payload(&request.payload, document)?;
        number_of_events(request, document)?;
        self.callback(request)
    }

    pub(super) fn tenant(&self, request: &Request) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| {
            tenant.platform_id == request.platform_id && tenant.service_id == request.service_id
        })
    }

    fn sender(&self, request: &Request, hash_ok: Option<bool>) -> Result<(), Refusal> {
        let Some(tenant) = self.tenant(request) else {
            return refuse("BAD_SERVICE_ID", "the platform id or the service id is not known");
        };
        if !tenant.channels.is_empty() && !tenant.channels.contains(&request.channel) {
            return refuse("INVALID_CHANNEL", "the channel is not one of this service");
        }
        if hash_ok != Some(true) {
            return refuse("HASH_KEY_FAIL", "the hash key does not match the request");
        }
        Ok(())
    }

    fn callback(&self, request: &Request) -> Result<(), Refusal> {
        match &request.callback_id {
            Some(id) if self.addresses.of(id).is_none() => {
                refuse("INVALID_CALLBACK", "the callback id is not registered")
            }
            _ => Ok(()),
        }
    }

    fn payload(&self, payload: &str, document: &Document) -> Result<(), Refusal> {
        let version = document.version.as_deref().unwrap_or_default();
        if version.is_empty() {
            return refuse("MISSING_XML_VERSION", "the payload's root has no version");
        }
        if !self.versions.iter().any(|supported| supported == version) {
            return refuse("UNSUPPORTED_XML_VERSION", "the payload's version is not supported");
        }
        let errors = (self.validate)(version, payload);
        if errors.is_empty() { Ok(()) } else { Err(invalid(errors)) }
    }
}

pub(super) fn validation_errors(errors: Vec<(Option<String>, String)>) -> ValidationErrors {
    let error = |(event_id, text)| ValidationError { event_id, text };
    ValidationErrors { errors: errors.into_iter().map(error).collect() }
}

fn number_of_events(request: &Request, document: &Document) -> Result<(), Refusal> {
    let count = document.events.len();
    match request.num_events {
        Some(said) if usize::try_from(said) != Ok(count) => {
            refuse("WRONG_NUM_EVENTS", "numEvents is not the number of events in the payload")
        }
        None if count > 1 => refuse("REQUEST_ERROR", "this operation takes one event at a time"),
        _ => Ok(()),
    }
}

fn refuse(code: &str, message: &str) -> Result<(), Refusal> {
    let (return_code, return_message) = (code.to_owned(), Some(message.to_owned()));
    Err(Box::new(Results { return_code, return_message, ..Results::default() }))
}

fn invalid(errors: Vec<(Option<String>, String)>) -> Refusal {
    Box::new(Results {
        return_code: "XML_VALIDATION_FAIL".to_owned(),
        return_message: Some("the payload is not valid against its schema".to_owned()),
        event_id: errors.iter().find_map(|(event_id, _)| event_id.clone()),
        validation_errors: Some(validation_errors(errors)),
        ..Results::default()
    })
}
