//! Genesys Cloud: attributes of a participant of a conversation, of its customer where nobody is named.

use super::address::segment;
use super::answer::Answer;
use super::api::Api;
use super::discovery::Place;
use super::said::Said;
use super::settings::{GENESYS, GenesysSettings};
use crate::application::ports::Push;
use crate::domain::bringing_back::Pushed;
use crate::domain::identifiers::TenantName;
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::json;

/// As whom the customer takes part; the first that is there.
const PURPOSES: [&str; 2] = ["customer", "external"];

pub(super) struct Genesys {
    api: Api,
    path: String,
    conversation_path: String,
}

#[derive(Deserialize)]
struct Conversation {
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
struct Participant {
    id: String,
    #[serde(default)]
    purpose: Option<String>,
}

impl Genesys {
    pub(super) fn new(tenant: &TenantName, settings: &GenesysSettings, client: &Client) -> Self {
        let known = |url: &String| Place::Known(url.clone());
        let places = (known(&settings.api_url), known(&settings.token_url), settings.timeout);
        Self {
            api: Api::new((tenant, GENESYS), places, &settings.grant, client),
            path: settings.path.clone(),
            conversation_path: settings.conversation_path.clone(),
        }
    }

    pub(super) async fn push(&self, push: &Push) -> Pushed {
        self.bring(push).await.map_or_else(|failed| failed, |answer| answer.judge())
    }

    async fn bring(&self, push: &Push) -> Result<Answer, Pushed> {
        let said = Said::of(push).ok_or(Pushed::Refused("unreadable"))?;
        let id = push.interaction.as_deref().and_then(segment).ok_or(Pushed::Refused("no_interaction"))?;
        let participant = match &push.participant {
            Some(participant) => participant.clone(),
            None => self.customer(&id).await?,
        };
        let participant = segment(&participant).ok_or(Pushed::Refused("no_participant"))?;
        let path = self.path.replace("{participant}", &participant).replace("{id}", &id);
        self.api.call(Method::PATCH, &path, Some(body(&said))).await
    }

    /// The customer's own part in a conversation.
    async fn customer(&self, id: &str) -> Result<String, Pushed> {
        let path = self.conversation_path.replace("{id}", id);
        let answer = self.api.call(Method::GET, &path, None).await?;
        match answer.judge() {
            Pushed::Landed => find(&answer.body).ok_or(Pushed::Refused("no_participant")),
            failed => Err(failed),
        }
    }
}

fn find(body: &[u8]) -> Option<String> {
    let conversation: Conversation = serde_json::from_slice(body).ok()?;
    let as_one = |purpose: &&str| {
        conversation.participants.iter().find(|one| one.purpose.as_deref() == Some(*purpose))
    };
    PURPOSES.iter().find_map(as_one).map(|participant| participant.id.clone())
}

/// All of it is text there.
fn body(said: &Said) -> String {
    json!({ "attributes": {
        "fraud_risk_score": said.score,
        "fraud_flag": said.flag,
        "fraud_decision": said.decision,
        "assessment_time": said.at,
        "fraud_late": if said.is_late { "true" } else { "false" },
    }})
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{WORDS, late, push};
    use super::*;
    use serde_json::Value;

    #[test]
    fn all_attributes_are_text() {
        let attributes = |late| {
            let said = Said::of(&push("genesys", WORDS, late)).expect("a decision");
            serde_json::from_str::<Value>(&body(&said)).expect("JSON")["attributes"].clone()
        };
        assert_eq!(
            attributes(None),
            json!({ "fraud_risk_score": "73.50", "fraud_flag": "HIGH", "fraud_decision": "REVIEW",
                "assessment_time": "2026-11-22T08:00:00.123Z", "fraud_late": "false" })
        );
        assert_eq!(attributes(Some(late()))["fraud_late"], "true");
    }

    #[test]
    fn the_customer_is_found_among_those_who_take_part() {
        let body = br#"{"participants":[{"id":"a","purpose":"ivr"},{"id":"b","purpose":"external"},{"id":"c","purpose":"customer"},{"id":"d"}]}"#;
        assert_eq!(find(body), Some("c".to_owned()));
        assert_eq!(find(br#"{"participants":[{"id":"b","purpose":"external"}]}"#), Some("b".to_owned()));
        assert_eq!(find(br#"{"participants":[]}"#), None);
        assert_eq!(find(b"<html>"), None);
    }
}
