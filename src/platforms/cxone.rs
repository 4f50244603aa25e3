//! CXone: attributes of an interaction, or the signal to a live contact, as the tenant's settings say.

use super::address::{form, segment};
use super::api::Api;
use super::discovery::{Discovery, Place};
use super::said::{Said, raw};
use super::settings::{CXONE, CxoneSettings, GrantSettings, WaySettings};
use crate::application::ports::Push;
use crate::domain::bringing_back::Pushed;
use crate::domain::identifiers::TenantName;
use reqwest::{Client, Method};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

pub(super) struct Cxone {
    api: Api,
    way: WaySettings,
    path: String,
}

#[derive(Serialize)]
struct Body<'a> {
    attributes: Attributes<'a>,
}

/// What a script or an agent's screen reads.
#[derive(Serialize)]
struct Attributes<'a> {
    fraud_risk_score: Box<RawValue>,
    fraud_flag: &'a str,
    assessment_time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fraud_late: Option<bool>,
}

impl Cxone {
    pub(super) fn new(tenant: &TenantName, settings: &CxoneSettings, client: &Client) -> Self {
        let by_access_key = matches!(settings.grant, GrantSettings::AccessKey { .. });
        let issuer = settings.issuer.as_ref().map(|issuer| {
            let whose = (issuer.url.as_str(), issuer.tenant_id.as_str());
            Arc::new(Discovery::new(tenant, whose, by_access_key, settings.timeout, client))
        });
        // What is configured stands; the configuration sees to it that there is an issuer for the rest.
        let place = |url: &Option<String>, found: fn(Arc<Discovery>) -> Place| match (url, &issuer) {
            (None, Some(issuer)) => found(issuer.clone()),
            (url, _) => Place::Known(url.clone().unwrap_or_default()),
        };
        let (base, token) = (place(&settings.api_url, Place::Api), place(&settings.token_url, Place::Token));
        let api = Api::new((tenant, CXONE), (base, token, settings.timeout), &settings.grant, client);
        Self { api, way: settings.way, path: settings.path.replace("{version}", &settings.version) }
    }

    pub(super) async fn push(&self, push: &Push) -> Pushed {
        let Some(said) = Said::of(push) else { return Pushed::Refused("unreadable") };
        let Some(id) = push.interaction.as_deref().and_then(segment) else {
            return Pushed::Refused("no_interaction");
        };
        let path = self.path.replace("{id}", &id);
        let answer = match self.way {
            WaySettings::Patch => self.api.call(Method::PATCH, &path, Some(body(&said))).await,
            WaySettings::Signal => {
                let path = format!("{path}?{}", parameters(&said, push.event_id.as_str()));
                self.api.call(Method::POST, &path, None).await
            }
        };
        answer.map_or_else(|failed| failed, |answer| answer.judge())
    }
}

fn body(said: &Said) -> String {
    let attributes = Attributes {
        fraud_risk_score: raw(said.score.clone()),
        fraud_flag: said.flag,
        assessment_time: &said.at,
        fraud_late: said.is_late.then_some(true),
    };
    serde_json::to_string(&Body { attributes }).unwrap_or_default()
}

/// What a script's `OnSignal` gets.
fn parameters(said: &Said, event_id: &str) -> String {
    form(&[
        ("p1", &said.decision),
        ("p2", &said.score),
        ("p3", said.flag),
        ("p4", &said.outcome),
        ("p5", &said.basis),
        ("p6", event_id),
        ("p7", if said.is_late { "late" } else { "" }),
        ("p8", &said.return_code),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{WORDS, late, push};
    use super::*;

    #[test]
    fn the_attributes_are_those_of_the_contract_and_late_is_marked() {
        let said = |late| Said::of(&push("cxone", WORDS, late)).expect("a decision");
        assert_eq!(
            body(&said(None)),
            r#"{"attributes":{"fraud_risk_score":73.50,"fraud_flag":"HIGH","assessment_time":"2026-11-22T08:00:00.123Z"}}"#
        );
        assert_eq!(
            body(&said(Some(late()))),
            r#"{"attributes":{"fraud_risk_score":95.0,"fraud_flag":"HIGH","assessment_time":"2026-11-22T08:00:09.000Z","fraud_late":true}}"#
        );
    }

    #[test]
    fn a_signal_has_its_parameters_in_order() {
        let said = |late| Said::of(&push("cxone", WORDS, late)).expect("a decision");
        assert_eq!(
            parameters(&said(None), "e-1"),
            "p1=REVIEW&p2=73.50&p3=HIGH&p4=SCORED&p5=action&p6=e-1&p7=&p8=SUCCESS"
        );
        assert_eq!(
            parameters(&said(Some(late())), "e:1"),
            "p1=BLOCK&p2=95.0&p3=HIGH&p4=SCORED&p5=late&p6=e%3A1&p7=late&p8=SUCCESS"
        );
    }
}
