//! Makes the entries of one transaction: what happened, in the words of the trail. Knows no database: whoever writes
//! the transaction puts each entry in beside the change that it tells of, and where the transaction fails the chain is
//! where it was.

use super::body::Body;
use super::chain::{Entry, Head, hash};
use super::key::Key;
use super::standing::{Doubt, Standing};
use super::tally::Tally;
use crate::application::ports::{Act, Batch, Callback, Effect, Late, PushEnd, Record, Seq, Settlement};
use crate::domain::delivery::State;
use crate::domain::going_back::Kind;
use crate::domain::identifiers::CustomerId;
use crate::domain::policy::Verdict;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// A recorded event, as entries name it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its number in the store.
    pub seq: Seq,
    /// Whose event it is.
    pub tenant: String,
    /// The caller's name for it.
    pub event_id: String,
    /// The interaction that it happened in.
    pub interaction: Option<String>,
    /// The transaction that it is about.
    pub transaction: Option<String>,
    /// The customer, who stands in no entry but as a keyed hash.
    pub customer: Option<CustomerId>,
}

impl Subject {
    /// The subject of a record.
    pub fn of(new: &Record) -> Self {
        let traces = &new.prepared.traces;
        Self {
            seq: new.seq,
            tenant: new.tenant.as_str().to_owned(),
            event_id: new.prepared.message.event_id.as_str().to_owned(),
            interaction: traces.interaction.clone(),
            transaction: traces.transaction.clone(),
            customer: new.prepared.facts.customer.clone(),
        }
    }
}

/// Writes entries, one behind the other, for one transaction.
pub struct Pen<'k> {
    key: &'k Key,
    head: Head,
    timestamp: String,
    tally: Tally,
}

impl<'k> Pen<'k> {
    /// Goes on where the chain ends, at this time.
    pub fn new(key: &'k Key, head: Head, now: Timestamp) -> Self {
        Self { key, head, timestamp: format!("{now:.6}"), tally: Tally::default() }
    }

    /// Where the chain ends once everything is written.
    pub fn head(&self) -> Head {
        self.head
    }

    /// What its entries count for, once they are on disk.
    pub fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    fn body(&self, kind: &str) -> Body {
        Body::new(self.key.gateway(), self.head.n + 1, &self.timestamp, kind)
    }

    fn about(&self, kind: &str, subject: &Subject) -> Body {
        let mut body = self.body(kind);
        body.text("tenant", &subject.tenant);
        body.number("seq", subject.seq);
        body.text("eventId", &subject.event_id);
        body.optional("interactionId", subject.interaction.as_deref());
        body.optional("transactionId", subject.transaction.as_deref());
        body
    }

    fn entry(&mut self, body: Body) -> Entry {
        let (body, before) = (body.end(), self.head.hash);
        self.head = Head { n: self.head.n + 1, hash: hash(&before, &body) };
        let gateway = self.key.gateway().to_owned();
        Entry { gateway, n: self.head.n, before, body, hash: self.head.hash }
    }

    /// A gateway starts.
    pub fn start(&mut self, version: &str, configuration: &str, standing: &Standing) -> Entry {
        let mut body = self.body("start");
        body.text("version", version);
        body.hash("configuration", Some(&self.key.hide("configuration", configuration.as_bytes())));
        body.text("store", standing.name());
        self.entry(body)
    }

    /// An event is recorded.
    pub fn accepted(&mut self, new: &Record) -> Entry {
        let (prepared, message) = (&new.prepared, &new.prepared.message);
        let traces = &prepared.traces;
        let subject = Subject::of(new);
        self.tally.accepted(&subject.tenant, new.mode.name());
        let key = self.key;
        let hidden = |what, value: Option<&str>| value.map(|value| key.hide(what, value.as_bytes()));
        let customer = prepared.facts.customer.as_ref().map(|customer| customer.expose());
        let mut body = self.about("accepted", &subject);
        body.text("mode", new.mode.name());
        body.text("eventType", &prepared.facts.event_type);
        body.text("channel", &message.channel);
        body.text("schema", &prepared.schema);
        body.text("receivedAt", &time(new.received_at));
        body.hash("event", Some(&key.hide("event", &new.fingerprint.0)));
        body.hash("payload", Some(&key.hide("payload", message.payload.as_bytes())));
        body.hash("customer", hidden("customer", customer).as_ref());
        let account = traces.account.as_ref().map(|account| account.expose());
        body.hash("account", hidden("account", account).as_ref());
        let ani = traces.ani.as_ref().map(|ani| ani.expose());
        body.hash("ani", hidden("ani", ani).as_ref());
        self.entry(body)
    }

    /// An attempt has ended, with Xceed's Results where they came; the delivery stands there now.
    pub fn attempt(&mut self, subject: &Subject, end: &Settlement) -> Entry {
        self.tally.attempt(&subject.tenant, end);
        let why = end.attempt.why();
        let results = end.attempt.results();
        let mut body = self.about("attempt", subject);
        body.text("ended", end.attempt.name());
        body.optional("why", why);
        body.text("endedAt", &time(end.at));
        body.number("tookMicros", end.took.as_micros());
        body.optional("returnCode", results.map(|results| results.code.word()));
        body.number("riskScore", score(results.and_then(|results| results.risk_score)));
        body.optional("riskAction", results.and_then(|results| results.risk_action.as_deref()));
        body.text("state", end.state.name());
        if let State::Parked { reason } = &end.state {
            body.text("reason", reason);
        }
        self.entry(body)
    }

    /// A caller is told, or a decision falls: in these very words.
    pub fn decision(&mut self, subject: &Subject, words: &[u8]) -> Entry {
        let said = serde_json::from_slice::<Words<'_>>(words).unwrap_or_default();
        let verdict = said.decision.as_deref();
        let [outcome, basis, code] = [&said.outcome, &said.basis, &said.return_code].map(Option::as_deref);
        let key = self.key;
        let customer = || subject.customer.as_ref().map(|customer| key.name("customer", customer.expose()));
        self.tally.decision(subject, [verdict, outcome, basis], (code, customer));
        let mut body = self.about("decision", subject);
        body.optional("decision", verdict);
        body.optional("outcome", outcome);
        body.optional("basis", basis);
        body.number("riskScore", said.risk_score.map_or("null", RawValue::get));
        body.optional("fraudFlag", verdict.and_then(flag));
        body.hash("words", Some(&Sha256::digest(words).into()));
        self.entry(body)
    }

    /// Xceed's score comes after the decision.
    pub fn late(&mut self, subject: &Subject, late: &Late) -> Entry {
        self.tally.late(&subject.tenant, late.verdict.name());
        let mut body = self.about("late", subject);
        body.text("decision", late.verdict.name());
        body.text("returnCode", &late.return_code);
        body.number("riskScore", score(late.risk_score));
        body.optional("riskAction", late.risk_action.as_deref());
        body.optional("fraudFlag", flag(late.verdict.name()));
        self.entry(body)
    }

    /// Xceed calls back.
    pub fn callback(&mut self, subject: &Subject, callback: &Callback, effect: Effect) -> Entry {
        let [code, score, action] = &callback.said;
        let mut body = self.about("callback", subject);
        self.tally.callback(&subject.tenant, effect);
        body.text("effect", effect.name());
        body.text("returnCode", code);
        // As sent; a score that is no number stands there as text.
        match score.parse::<Decimal>() {
            Ok(number) => body.number("riskScore", number),
            Err(_) => body.text("riskScore", score),
        }
        body.text("riskAction", action);
        self.entry(body)
    }

    /// Callbacks were refused, so many for the same reason since the last such entry.
    pub fn refused(&mut self, why: &str, count: u64) -> Entry {
        self.tally.refused(why, count);
        let mut body = self.body("refused");
        body.text("why", why);
        body.number("count", count);
        self.entry(body)
    }

    /// Somebody acts on a parked delivery.
    pub fn operated(&mut self, subject: &Subject, act: Act, by: Option<&str>) -> Entry {
        let mut body = self.about(if act == Act::Discard { "discard" } else { "replay" }, subject);
        body.optional("by", by);
        self.entry(body)
    }

    /// Nothing more is done to bring a decision back: it is there, nobody wants it any more, or it waits for a person.
    pub fn pushed(&mut self, subject: &Subject, (target, what): (&str, Kind), end: &PushEnd) -> Entry {
        let mut body = self.about("push", subject);
        body.number("push", end.id);
        body.text("target", target);
        body.text("what", what.name());
        let (ended, why) = match &end.state {
            State::Parked { reason } => ("parked", Some(reason.as_str())),
            _ if end.why == "landed" => ("landed", None),
            _ => ("gone", Some(end.why)),
        };
        self.tally.push(&subject.tenant, target, ended);
        body.text("ended", ended);
        body.optional("why", why.filter(|why| *why != ended));
        body.text("endedAt", &time(end.at));
        body.number("tookMicros", end.took.as_micros());
        self.entry(body)
    }

    /// Somebody acts on a decision that could not be brought back.
    pub fn operated_push(
        &mut self,
        subject: &Subject,
        (id, target, what): (i64, &str, Kind),
        (act, by): (Act, Option<&str>),
    ) -> Entry {
        let mut body = self.about(if act == Act::Discard { "discard" } else { "replay" }, subject);
        body.number("push", id);
        body.text("target", target);
        body.text("what", what.name());
        body.optional("by", by);
        self.entry(body)
    }

    /// All lines of a batch are taken in.
    pub fn batch(&mut self, batch: &Batch) -> Entry {
        self.tally.batch(batch);
        let mut body = self.body("batch");
        body.text("tenant", batch.tenant.as_str());
        body.text("batchId", &batch.id);
        body.text("mode", batch.mode.name());
        body.text("receivedAt", &time(batch.received_at));
        body.number("lines", batch.lines);
        body.number("accepted", batch.accepted);
        body.number("duplicates", batch.duplicates);
        body.number("failed", batch.failed);
        self.entry(body)
    }

    /// Settings and sets were read anew.
    pub fn reloaded(&mut self, configuration: &str) -> Entry {
        let mut body = self.body("reload");
        body.hash("configuration", Some(&self.key.hide("configuration", configuration.as_bytes())));
        self.entry(body)
    }

    /// A tenant's queue is held.
    pub fn hold(&mut self, tenant: &str, queue: &str, code: &str) -> Entry {
        self.tally.hold(tenant, code);
        let mut body = self.body("hold");
        body.text("tenant", tenant);
        body.text("queue", queue);
        body.text("code", code);
        self.entry(body)
    }

    /// A hold ends, by an operator or by itself.
    pub fn resume(&mut self, tenant: &str, queue: &str, code: &str, by: Option<&str>) -> Entry {
        let mut body = self.body("resume");
        body.text("tenant", tenant);
        body.text("queue", queue);
        body.text("code", code);
        body.optional("by", by);
        self.entry(body)
    }

    /// An operator takes a store that is not the one that was signed.
    pub fn restored(&mut self, doubt: Doubt, by: &str) -> Entry {
        let mut body = self.body("restored");
        body.text("by", by);
        body.number("since", doubt.since);
        body.number("over", doubt.signed);
        self.entry(body)
    }

    /// Xceed has moved to a tenant's next key.
    pub fn key_promoted(&mut self, tenant: &str, fingerprint: &str) -> Entry {
        let mut body = self.body("key_promoted");
        body.text("tenant", tenant);
        body.text("key", fingerprint);
        self.entry(body)
    }
}

/// What an entry says of the words that a caller heard.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Words<'w> {
    #[serde(borrow)]
    decision: Option<Cow<'w, str>>,
    #[serde(borrow)]
    outcome: Option<Cow<'w, str>>,
    #[serde(borrow)]
    basis: Option<Cow<'w, str>>,
    #[serde(borrow)]
    risk_score: Option<&'w RawValue>,
    #[serde(borrow)]
    return_code: Option<Cow<'w, str>>,
}

/// `HIGH` for whatever is not simply allowed; nothing where there is no decision yet.
fn flag(decision: &str) -> Option<&'static str> {
    let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == decision)?;
    Some(if verdict == Verdict::Allow { "LOW" } else { "HIGH" })
}

fn score(score: Option<Decimal>) -> Cow<'static, str> {
    score.map_or(Cow::Borrowed("null"), |score| score.to_string().into())
}

fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}
