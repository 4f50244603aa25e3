//! What the entries of one transaction count for in the metrics and say in the log, once it is on disk: so that all tell the
//! same.

use super::pen::Subject;
use crate::application::ports::{Batch, Effect, Settlement};
use crate::domain::delivery::State;
use crate::domain::policy::Verdict;
use crate::domain::return_code::Received;
use crate::telemetry::metrics;
use std::time::Duration;
use tracing::{Level, enabled};

/// What is to be counted.
#[derive(Debug, Default)]
pub struct Tally(Vec<Counts>);

#[derive(Debug)]
enum Counts {
    Accepted { tenant: String, mode: &'static str },
    Decision { tenant: String, decision: String, outcome: String, basis: String, line: Option<Line> },
    Late { tenant: String, decision: &'static str },
    Attempt { tenant: String, ended: &'static str, code: String, took: Duration, is_parked: bool },
    Callback { tenant: String, effect: &'static str },
    Refused { why: String, count: u64 },
    Push { tenant: String, target: String, ended: &'static str },
    Batch { tenant: String, accepted: u64, duplicates: u64, failed: u64 },
    Hold { tenant: String, code: String },
}

/// What the log says of a decision, beside what is counted.
#[derive(Debug)]
struct Line {
    event_id: String,
    customer: String,
    code: String,
}

impl Tally {
    pub(super) fn accepted(&mut self, tenant: &str, mode: &'static str) {
        self.0.push(Counts::Accepted { tenant: tenant.to_owned(), mode });
    }

    /// The customer is asked for where the log says it.
    pub(super) fn decision(
        &mut self,
        subject: &Subject,
        [decision, outcome, basis]: [Option<&str>; 3],
        (code, customer): (Option<&str>, impl Fn() -> Option<String>),
    ) {
        let own = |word: Option<&str>| word.unwrap_or("none").to_owned();
        let is_logged = if stops(decision) { enabled!(Level::INFO) } else { enabled!(Level::DEBUG) };
        let line = is_logged.then(|| Line {
            event_id: subject.event_id.clone(),
            customer: own(customer().as_deref()),
            code: own(code),
        });
        let (decision, outcome, basis) = (own(decision), own(outcome), own(basis));
        self.0.push(Counts::Decision { tenant: subject.tenant.clone(), decision, outcome, basis, line });
    }

    pub(super) fn late(&mut self, tenant: &str, decision: &'static str) {
        self.0.push(Counts::Late { tenant: tenant.to_owned(), decision });
    }

    pub(super) fn attempt(&mut self, tenant: &str, end: &Settlement) {
        // A word that nobody knows is Xceed's own, and there may be any number of them.
        let code = end.attempt.results().map_or("none", |results| match &results.code {
            Received::Known(code) => code.row().code,
            Received::Unknown(_) => "unknown",
        });
        self.0.push(Counts::Attempt {
            tenant: tenant.to_owned(),
            ended: end.attempt.name(),
            code: code.to_owned(),
            took: end.took,
            is_parked: matches!(end.state, State::Parked { .. }),
        });
    }

    pub(super) fn callback(&mut self, tenant: &str, effect: Effect) {
        self.0.push(Counts::Callback { tenant: tenant.to_owned(), effect: effect.name() });
    }

    pub(super) fn refused(&mut self, why: &str, count: u64) {
        self.0.push(Counts::Refused { why: why.to_owned(), count });
    }

    pub(super) fn push(&mut self, tenant: &str, target: &str, ended: &'static str) {
        self.0.push(Counts::Push { tenant: tenant.to_owned(), target: target.to_owned(), ended });
    }

    pub(super) fn batch(&mut self, batch: &Batch) {
        let (accepted, duplicates, failed) = (batch.accepted, batch.duplicates, batch.failed);
        let tenant = batch.tenant.as_str().to_owned();
        self.0.push(Counts::Batch { tenant, accepted, duplicates, failed });
    }

    pub(super) fn hold(&mut self, tenant: &str, code: &str) {
        self.0.push(Counts::Hold { tenant: tenant.to_owned(), code: code.to_owned() });
    }

    /// It is on disk.
    pub fn count(self) {
        self.0.into_iter().for_each(Counts::count);
    }
}

/// Whether whoever hears it does not simply go on with the call.
fn stops(decision: Option<&str>) -> bool {
    let verdict = Verdict::ALL.into_iter().find(|verdict| Some(verdict.name()) == decision);
    verdict.is_some_and(|verdict| verdict != Verdict::Allow)
}

impl Counts {
    fn count(self) {
        match self {
            Self::Accepted { tenant, mode } => metrics::ACCEPTED.add(&[&tenant, mode], 1),
            Self::Decision { tenant, decision, outcome, basis, line } => {
                metrics::DECISIONS.add(&[&tenant, &decision, &outcome, &basis], 1);
                let Some(Line { event_id, customer, code }) = line else { return };
                if stops(Some(&decision)) {
                    tracing::info!(
                        event_id,
                        tenant,
                        customer,
                        verdict = decision,
                        outcome,
                        basis,
                        code,
                        "decided"
                    );
                } else {
                    tracing::debug!(
                        event_id,
                        tenant,
                        customer,
                        verdict = decision,
                        outcome,
                        basis,
                        code,
                        "decided"
                    );
                }
            }
            Self::Late { tenant, decision } => metrics::LATE.add(&[&tenant, decision], 1),
            Self::Attempt { tenant, ended, code, took, is_parked } => {
                metrics::ATTEMPTS.add(&[&tenant, ended, &code], 1);
                metrics::ATTEMPT_SECONDS.took(&[&tenant], took);
                if is_parked {
                    metrics::PARKED.add(&[&tenant], 1);
                }
            }
            Self::Callback { tenant, effect } => metrics::CALLBACKS.add(&[&tenant, effect], 1),
            Self::Refused { why, count } => metrics::CALLBACKS_REFUSED.add(&[&why], count),
            Self::Push { tenant, target, ended } => metrics::PUSHES.add(&[&tenant, &target, ended], 1),
            Self::Batch { tenant, accepted, duplicates, failed } => {
                for (result, count) in [("accepted", accepted), ("duplicate", duplicates), ("failed", failed)]
                {
                    metrics::BATCH_LINES.add(&[&tenant, result], count);
                }
            }
            Self::Hold { tenant, code } => metrics::HOLDS.add(&[&tenant, &code], 1),
        }
    }
}
