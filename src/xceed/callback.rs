//! Xceed's callback: who may send it, what it says, how it is known to be Xceed's, and how it is acknowledged.
//! A callback is believed where its signature covers it, and nowhere else. Names, order and recipe stand in the API set.

use super::boundaries::Said;
use super::link::Link;
use super::operations::{ApiSet, CallbackForm, Value};
use super::results::Reading;
use super::signature::sign;
use crate::domain::decision::Results;
use crate::domain::identifiers::{EventId, TenantName};
use crate::secrets::Secret;
use crate::soap::envelope::{BEFORE, BEHIND, Body, open};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The tenants that can be called back, and how callbacks look.
pub struct Callbacks {
    api: Arc<ApiSet>,
    links: Vec<(TenantName, Option<Arc<str>>, Arc<Link>)>,
}

/// What a callback says. Not believed yet.
#[derive(Clone, Debug)]
pub struct EventResult {
    /// The event it is about.
    pub event_id: EventId,
    /// Code, score and action as sent.
    pub said: [String; 3],
    /// What these mean.
    pub results: Results,
    callback_id: String,
    hash_key: String,
}

impl Callbacks {
    /// Callbacks of these tenants: name, callback id (none where each event has its own), link.
    pub fn new(api: Arc<ApiSet>, links: Vec<(TenantName, Option<Arc<str>>, Arc<Link>)>) -> Self {
        Self { api, links }
    }

    /// The tenants that may be called back at an address of this name.
    pub fn tenants<'c>(&'c self, callback_id: &'c str) -> impl Iterator<Item = &'c TenantName> {
        let fits = move |id: &Option<Arc<str>>| id.as_deref().is_none_or(|id| id == callback_id);
        self.links.iter().filter(move |(_, id, _)| fits(id)).map(|(tenant, ..)| tenant)
    }

    /// All tenants that can be called back.
    pub fn all_tenants(&self) -> impl Iterator<Item = &TenantName> {
        self.links.iter().map(|(tenant, ..)| tenant)
    }

    /// The address to register at Xceed; where tenants differ, what all of them begin with.
    pub fn address(&self, public_url: &str) -> String {
        let base = format!("{}/xceed/callback", public_url.trim_end_matches('/'));
        let mut ids: Vec<_> = self.links.iter().map(|(_, id, _)| id.as_deref()).collect();
        ids.dedup();
        match ids.as_slice() {
            [Some(id)] => format!("{base}/{id}"),
            _ => base,
        }
    }

    /// Reads a callback that came to the address of this name; `None` where it is not exactly one.
    pub fn read(&self, callback_id: &str, body: &[u8]) -> Option<EventResult> {
        let Ok(Body::Message(message)) = open(body) else { return None };
        let form = &self.api.callback;
        if !message.is(Some(&form.namespace), &form.element) {
            return None;
        }
        let reading =
            Reading { namespace: form.qualified.then_some(form.namespace.as_str()), message: &message };
        let text = |name: &String| reading.text(std::slice::from_ref(name)).ok().flatten().map(str::to_owned);
        let read = EventResult {
            callback_id: text(&form.callback_id).filter(|id| id == callback_id)?,
            event_id: EventId::parse(&text(&form.event_id)?)?,
            said: reading.said(&form.results).ok()?,
            results: reading.results(&form.results).ok()?,
            hash_key: text(&form.hash_key)?,
        };
        is_unmistakable(form, &read).then_some(read)
    }

    /// Whether the tenant's Xceed signed the callback, for an event that was sent over this channel.
    pub fn is_signed(&self, tenant: &TenantName, channel: &str, result: &EventResult) -> bool {
        let link = self.links.iter().find(|(name, ..)| name == tenant).map(|(.., link)| link);
        // All keys are tried to the end: the time taken does not tell which one was meant.
        link.is_some_and(|link| {
            link.keys().fold(false, |found, key| {
                let hash = hash(&self.api.callback, link, channel, key, result);
                found | bool::from(hash.as_bytes().ct_eq(result.hash_key.as_bytes()))
            })
        })
    }

    /// What is answered once a callback is durable.
    pub fn acknowledgement(&self) -> String {
        let CallbackForm { namespace, qualified, response, ack, .. } = &self.api.callback;
        let namespace = quick_xml::escape::escape(namespace.as_str());
        if *qualified {
            format!("{BEFORE}<{response} xmlns=\"{namespace}\"><{ack}>OK</{ack}></{response}>{BEHIND}")
        } else {
            format!("{BEFORE}<m:{response} xmlns:m=\"{namespace}\"><{ack}>OK</{ack}></m:{response}>{BEHIND}")
        }
    }

    /// What is answered to anything that is not believed: one and the same, so that it teaches nothing.
    pub fn refusal() -> String {
        let fault =
            "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>refused</faultstring></soap:Fault>";
        format!("{BEFORE}{fault}{BEHIND}")
    }
}

fn is_unmistakable(form: &CallbackForm, result: &EventResult) -> bool {
    let [return_code, risk_score, risk_action] = &result.said;
    let event_id = result.event_id.as_str();
    Said { event_id, return_code, risk_score, risk_action }.is_unmistakable(&form.hash)
}

fn hash(form: &CallbackForm, link: &Link, channel: &str, key: &Secret, result: &EventResult) -> String {
    let [code, score, action] = &result.said;
    let settings = &link.settings;
    let values = form.hash.iter().map(|value| match value {
        Value::PlatformId => settings.platform_id.as_str(),
        Value::ServiceId => settings.service_id.as_str(),
        Value::Channel => channel,
        Value::SecretKey => key.expose(),
        Value::EventId => result.event_id.as_str(),
        Value::ReturnCode => code,
        Value::RiskScore => score,
        Value::RiskAction => action,
        Value::CallbackId => &result.callback_id,
        Value::ResponseRequired | Value::NumEvents | Value::Payload | Value::Hash => "",
    });
    sign(values, form.case)
}

#[cfg(test)]
mod tests;
