//! A tenant with its link and the sets that ship, and one event of everyday size: what each step is measured with.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use xceed_gateway::app::Sets;
use xceed_gateway::application::ports::Prepared;
use xceed_gateway::config::Documents;
use xceed_gateway::domain::decision::{Answer, Bench};
use xceed_gateway::domain::delivery::Attempt;
use xceed_gateway::domain::event::ContactEvent;
use xceed_gateway::domain::field::Field;
use xceed_gateway::domain::policy::Policy;
use xceed_gateway::http::json;
use xceed_gateway::secrets::Secret;
use xceed_gateway::xceed::link::{Link, Settings, Version};
use xceed_gateway::xceed::operations::Values;
use xceed_gateway::xceed::payload::fill;
use xceed_gateway::xceed::results::{HttpAnswer, judge};
use xceed_gateway::xceed::schema::Violation;
use xceed_gateway::xceed::soap_client::prepare;

pub(crate) const EVENT: &[u8] = include_bytes!("../event.json").trim_ascii_end();
const ANSWER: &[u8] = include_bytes!("../../fixtures/contract/111-wire-transfer/4-results.xml");
const SCHEMA: &str = "1.0";

/// A tenant, ready to send.
pub(crate) struct Desk {
    sets: Sets,
    link: Link,
    settings: Settings,
    pub(crate) received_at: Timestamp,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("xsd");
        let documents = Documents::read(&folder).expect("the sets are there");
        let sets = Sets::compile(&documents).expect("the sets are sound");
        let settings = Settings {
            url: "http://127.0.0.1:9/xceed".to_owned(),
            platform_id: "3".to_owned(),
            service_id: "210021".to_owned(),
            secret_key: Secret::new("311a5439c8bda8ef".to_owned()),
            secret_key_next: None,
            channel: "Wire".to_owned(),
            channels: BTreeMap::new(),
            schema: SCHEMA.to_owned(),
            attempt_timeout: Duration::from_secs(5),
            tls: Default::default(),
        };
        let link = Link::new(settings.clone(), sets.versions[SCHEMA].clone(), sets.api.clone(), None);
        Self { sets, link, settings, received_at: Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_334_400) }
    }

    fn version(&self) -> &Version {
        &self.sets.versions[SCHEMA]
    }

    /// Body → payload, valid.
    pub(crate) fn prepared(&self) -> Prepared {
        let event = json::read(EVENT).expect("JSON");
        prepare(&self.link, &event, self.received_at).expect("a good event")
    }

    /// Fields → payload, whether valid or not.
    pub(crate) fn payload(&self, event: &Field<'_>) -> String {
        let mapping = &self.version().mapping;
        let (event, mut faults) = ContactEvent::read(event, mapping.members(), self.received_at);
        fill(mapping, &event, &self.settings.channel, &mut faults).into_parts().0
    }

    pub(crate) fn violations(&self, payload: &str) -> Vec<Violation> {
        self.version().set.validate(payload)
    }

    fn values<'a>(&'a self, payload: &'a str) -> Values<'a> {
        Values {
            platform_id: &self.settings.platform_id,
            service_id: &self.settings.service_id,
            channel: &self.settings.channel,
            secret_key: self.settings.secret_key.expose(),
            payload,
            response_required: true,
            num_events: "1",
            callback_id: "",
        }
    }

    pub(crate) fn hash(&self, payload: &str) -> String {
        self.sets.api.add_event.hash(&self.values(payload))
    }

    /// The signed request.
    pub(crate) fn request(&self, payload: &str) -> String {
        self.sets.api.add_event.request(&self.values(payload)).into_text()
    }

    /// How an attempt ended that brought everyday Results.
    pub(crate) fn attempt(&self) -> Attempt {
        let content_type = Some("text/xml; charset=utf-8");
        let answer = HttpAnswer { status: 200, content_type, content_encoding: None, body: ANSWER };
        judge(answer, &self.sets.api.add_event, &self.sets.api.results, "e-1")
    }

    /// What the caller hears.
    pub(crate) fn answer(&self, prepared: &Prepared) -> Answer {
        let attempt = self.attempt();
        let results = attempt.results().expect("Results");
        let policy = Policy::default();
        Answer {
            event_id: prepared.message.event_id.as_str().to_owned(),
            decision: Bench { policy: &policy, facts: &prepared.facts, velocity: 0 }.decide(results),
            defaulted: prepared.defaulted.clone(),
            decided_at: self.received_at,
            latency: Duration::from_micros(41_700),
        }
    }
}
