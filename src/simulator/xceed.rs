//! What becomes of a request: understood, checked, subjected to the scenario, scored, recorded.
//!
//! Everything here is done at once and without waiting: delays and broken answers are only decided,
//! the server carries them out. No lock is held but for the moment of a look or an entry.

use super::answer::{self, Reply};
use super::behaviour::{Behaviour, Calling, Fault};
use super::callbacks::{self, Addresses, Plan};
use super::caller::Caller;
use super::checks::{Checks, validation_errors};
use super::ledger::{Entry, Ledger};
use super::messages::{Results, ValidationErrors};
use super::outline::Operation;
use super::payload::{self, EventFacts};
use super::scenario::{Direction, Director};
use super::soap::{self, Request};
use super::{Settings, scoring};
use actix_web::web::Bytes;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const MAX_DELAY: Duration = Duration::from_mins(1);

pub(super) struct Xceed {
    checks: Checks,
    caller: Caller,
    director: Mutex<Director>,
    ledger: Mutex<Ledger>,
}

struct Verdict {
    results: Results,
    behaviour: Behaviour,
}

impl Xceed {
    /// # Errors
    /// There is no way to call back.
    pub(super) fn new(settings: Settings) -> reqwest::Result<Self> {
        Ok(Self {
            checks: Checks {
                tenants: settings.tenants,
                versions: settings.versions,
                validate: settings.validate,
                addresses: Addresses { registered: settings.callbacks, base: settings.callback_base },
            },
            caller: Caller::new()?,
            director: Mutex::new(Director::new(settings.scenario)),
            ledger: Mutex::default(),
        })
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn director(&self) -> MutexGuard<'_, Director> {
        self.director.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges a request and records it.
    pub(super) fn receive(
        &self,
        (soap_action, traceparent): (Option<&str>, Option<&str>),
        body: Bytes,
    ) -> Reply {
        let mut entry = Entry {
            soap_action: soap_action.map(str::to_owned),
            traceparent: traceparent.map(str::to_owned),
            at: jiff::Timestamp::now().to_string(),
            ..Entry::default()
        };
        let understood = soap::read(&body).and_then(|request| matches_action(request, soap_action));
        let reply = match understood {
            Ok(request) => self.answer(request, &mut entry),
            Err(text) => {
                let envelope = soap::fault("Client", &text);
                entry.fault = Some(text);
                Reply {
                    delay: Duration::ZERO,
                    fault: Fault::None,
                    status: 500,
                    envelope,
                    plan: Plan::default(),
                }
            }
        };
        self.ledger().record(entry, body);
        reply
    }

    fn answer(&self, request: Request, entry: &mut Entry) -> Reply {
        let document = payload::read(&request.payload);
        let events = document.as_ref().map(|document| document.events.as_slice());
        let events = events.unwrap_or_default();
        entry.event_ids = events.iter().filter_map(|event| event.id.clone()).collect();
        entry.hash_ok = self.checks.hash_ok(&request);
        let verdict = match self.checks.pass(&request, entry.hash_ok, &document) {
            Err(results) => Verdict { results: *results, behaviour: Behaviour::default() },
            Ok(()) => self.obey(&request, events),
        };
        let plan = self.plan(&request, events, &verdict);
        let Verdict { mut results, behaviour } = verdict;
        answer::disturb(&mut results, behaviour.fault);
        entry.note(&results, behaviour.fault);
        let reply = Reply {
            delay: Duration::from_millis(behaviour.delay_ms.unwrap_or_default()).min(MAX_DELAY),
            fault: behaviour.fault,
            status: 200,
            envelope: soap::answer(request.operation, results),
            plan,
        };
        entry.operation = Some(request.operation.name());
        entry.response_required = request.response_required;
        entry.channel = Some(request.channel);
        entry.payload = Some(request.payload);
        entry.hash_key = Some(request.hash_key);
        reply
    }

    /// What is called back later.
    fn plan(&self, request: &Request, events: &[EventFacts], verdict: &Verdict) -> Plan {
        let Verdict { results, behaviour } = verdict;
        let url = request.callback_id.as_ref().and_then(|id| self.checks.addresses.of(id));
        let tenant = self.checks.tenant(request);
        let (Some(url), Some(tenant), Some(event)) = (url, tenant, events.first()) else {
            return Plan::default();
        };
        let calls = callbacks::plan(request, tenant, event, &results.return_code, behaviour);
        Plan { url, first: behaviour.callback == Calling::First, calls }
    }

    /// What the scenario wants, and where it leaves things open, the scoring.
    fn obey(&self, request: &Request, events: &[EventFacts]) -> Verdict {
        let Direction { behaviour, events: concerned } = self.director().direct(events);
        let code = behaviour.code.clone().unwrap_or_else(|| "SUCCESS".to_owned());
        let named = match request.num_events {
            None => events.first(),
            Some(_) if code == "SUCCESS" => None,
            Some(_) => concerned.first().and_then(|index| events.get(*index)),
        };
        let told = behaviour.code.as_ref().filter(|code| *code != "SUCCESS");
        let mut results = Results {
            return_message: told.map(|_| "told by the scenario".to_owned()),
            event_id: named.and_then(|event| event.id.clone()),
            return_code: code,
            ..Results::default()
        };
        if results.return_code == "XML_VALIDATION_FAIL" && !concerned.is_empty() {
            let ids = concerned.iter().filter_map(|index| events.get(*index));
            let errors = ids.map(|event| (event.id.clone(), "told by the scenario".to_owned()));
            results.validation_errors = Some(validation_errors(errors.collect()));
        }
        if request.operation == Operation::Event && request.response_required == Some(true) {
            scoring::give(&mut results, &behaviour, events.first());
        }
        Verdict { results, behaviour }
    }
}

/// A `SOAPAction` may be left out, as it is by hand; one that is there must name the operation.
fn matches_action(request: Request, soap_action: Option<&str>) -> Result<Request, String> {
    let said = soap_action.unwrap_or_default().trim().trim_matches('"');
    if said.is_empty() || said == request.operation.soap_action() {
        return Ok(request);
    }
    Err(format!("the SOAPAction of {} is another", request.operation.name()))
}

impl Entry {
    /// What was answered: a return code only where the client could read one.
    fn note(&mut self, results: &Results, fault: Fault) {
        if let Some(ValidationErrors { errors }) = &results.validation_errors {
            self.validation_errors.clone_from(errors);
        }
        if matches!(fault, Fault::None | Fault::WrongId | Fault::Huge) {
            self.return_code = Some(results.return_code.clone());
        }
        if fault != Fault::None {
            self.fault = serde_json::to_value(fault).ok().and_then(|v| v.as_str().map(str::to_owned));
        }
    }
}
