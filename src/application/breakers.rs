//! Who may make an attempt just now, by each tenant's breaker and pass-through, and what is kept until it may. In memory:
//! a start begins with closed breakers, and finds out.

use super::ports::Seq;
use super::tenants::Tenant;
use crate::domain::breaker::{Breaker, Leave, State, is_good};
use crate::domain::delivery::Attempt;
use crate::domain::identifiers::TenantName;
use crate::domain::pace::Pace;
use crate::domain::pass_through::{Asks, PassThrough, Rule};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So often what is kept is looked at.
pub const STEP: Duration = Duration::from_millis(100);
/// While probes are wanted, so often some of what is kept is tried.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The breakers of all tenants.
#[derive(Debug, Default)]
pub struct Breakers {
    gates: Mutex<HashMap<TenantName, Gate>>,
    /// Whether anything is kept, or leaves slowly: nearly never, so whoever looks asks this first.
    keeps: AtomicBool,
}

#[derive(Debug, Default)]
struct Gate {
    breaker: Breaker,
    rule: Option<Rule>,
    pass_through: PassThrough,
    /// The first of each line; in the order of recording.
    kept: BTreeSet<Seq>,
    pace: Option<Pace>,
    tried: Option<Timestamp>,
}

/// Why nothing leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Too many attempts failed.
    Open,
    /// Too many calls failed for a while, and this one is none of the few that still go.
    Bypassed,
}

/// What an operator sees of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where the breaker stands.
    pub state: State,
    /// Since when; `None` where it was never open.
    pub since: Option<Timestamp>,
    /// What opened it last: attempts, and how many of them failed.
    pub cause: (u32, u32),
    /// Since when calls pass by, where they do.
    pub bypassed_since: Option<Timestamp>,
    /// How many deliveries are kept, of each customer the first.
    pub kept: usize,
}

/// Leave to make one attempt. Dropped without a word, it counts as not made.
#[derive(Debug)]
pub struct Pass {
    breakers: Arc<Breakers>,
    tenant: TenantName,
    /// None once it has ended.
    leave: Option<Leave>,
}

impl Breakers {
    /// Leave for a delivery that failed so often before.
    ///
    /// # Errors
    /// Nothing of this tenant leaves just now.
    pub fn pass(
        self: &Arc<Self>,
        tenant: &Tenant,
        asks: Asks,
        failed_before: u32,
        now: Timestamp,
    ) -> Result<Pass, Shut> {
        let mut gates = self.gates();
        let gate = gate(&mut gates, &tenant.name);
        gate.follow(tenant.policy.pass_through);
        let before = gate.breaker.state();
        let leave = gate.breaker.ask(failed_before, now).ok_or(Shut::Open)?;
        gate.say(&tenant.name, before);
        // A probe of the breaker's is one of the few that go.
        if before == State::Closed && gate.passes_by(&tenant.name, asks, now) {
            gate.breaker.give_back(leave);
            return Err(Shut::Bypassed);
        }
        // What waits leaves slowly at first, also what stands behind others in a line.
        if asks == Asks::Waiting && gate.pace.as_mut().is_some_and(|pace| !pace.take(now)) {
            gate.breaker.give_back(leave);
            return Err(Shut::Open);
        }
        Ok(Pass { breakers: self.clone(), tenant: tenant.name.clone(), leave: Some(leave) })
    }

    /// Why a live call would not leave now, without asking for leave.
    pub fn shut(&self, tenant: &TenantName, now: Timestamp) -> Option<Shut> {
        let mut gates = self.gates();
        let gate = gates.get_mut(tenant)?;
        let left = gate.breaker.probes_left(now);
        (gate.breaker.state() != State::Closed && left == 0).then_some(Shut::Open)
    }

    /// Keeps a delivery until its tenant's may leave again. `false` where they may already.
    pub fn keep(&self, tenant: &TenantName, seq: Seq) -> bool {
        self.keep_all(tenant, [seq])
    }

    /// The same for some that would leave together.
    pub fn keep_all(&self, tenant: &TenantName, seqs: impl IntoIterator<Item = Seq>) -> bool {
        let mut gates = self.gates();
        let gate = gate(&mut gates, tenant);
        if !gate.is_shut() {
            return false;
        }
        gate.kept.extend(seqs);
        self.keeps.store(true, SeqCst);
        true
    }

    /// Whether a delivery that somebody would hurry on has to stay all the same. Where it has not, it is kept no longer.
    pub fn still_keeps(&self, seq: Seq) -> bool {
        if !self.keeps.load(SeqCst) {
            return false;
        }
        let mut gates = self.gates();
        let gate = gates.values_mut().find(|gate| gate.kept.contains(&seq));
        gate.is_some_and(|gate| gate.is_shut() || !gate.kept.remove(&seq))
    }

    /// What leaves now of what is kept. To be asked every [`STEP`].
    pub fn step(&self, now: Timestamp) -> Vec<Seq> {
        if !self.keeps.load(SeqCst) {
            return Vec::new();
        }
        let mut gates = self.gates();
        let leaves = gates.iter_mut().flat_map(|(tenant, gate)| gate.step(tenant, now)).collect();
        let is_kept = |gate: &Gate| !gate.kept.is_empty() || gate.pace.is_some();
        self.keeps.store(gates.values().any(is_kept), SeqCst);
        leaves
    }

    /// What an operator sees of a tenant.
    pub fn view(&self, tenant: &TenantName) -> View {
        let gates = self.gates();
        let Some(gate) = gates.get(tenant) else {
            let state = State::Closed;
            return View { state, since: None, cause: (0, 0), bypassed_since: None, kept: 0 };
        };
        View {
            state: gate.breaker.state(),
            since: Some(gate.breaker.since()).filter(|since| *since != Timestamp::UNIX_EPOCH),
            cause: gate.breaker.cause(),
            bypassed_since: gate.pass_through.since(),
            kept: gate.kept.len(),
        }
    }

    /// The same of every tenant that has called.
    pub fn views(&self) -> Vec<(TenantName, View)> {
        let tenants: Vec<TenantName> = self.gates().keys().cloned().collect();
        tenants.into_iter().map(|tenant| (tenant.clone(), self.view(&tenant))).collect()
    }

    /// How many tenants' breakers are not closed, and of how many calls pass by.
    pub fn counts(&self) -> (usize, usize) {
        let gates = self.gates();
        let count = |is: fn(&Gate) -> bool| gates.values().filter(|gate| is(gate)).count();
        (
            count(|gate| gate.breaker.state() != State::Closed),
            count(|gate| gate.pass_through.since().is_some()),
        )
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<TenantName, Gate>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gate<'g>(gates: &'g mut HashMap<TenantName, Gate>, tenant: &TenantName) -> &'g mut Gate {
    if !gates.contains_key(tenant) {
        gates.insert(tenant.clone(), Gate::default());
    }
    gates.get_mut(tenant).expect("it was put there")
}

impl Gate {
    /// A reload may have changed it.
    fn follow(&mut self, rule: Option<Rule>) {
        if self.rule != rule {
            self.rule = rule;
            self.pass_through = PassThrough::default();
        }
    }

    fn is_shut(&self) -> bool {
        self.breaker.state() != State::Closed || self.pass_through.since().is_some() || self.pace.is_some()
    }

    /// Everything leaves again, slowly at first; or nothing does.
    fn follow_the_weather(&mut self, was_well: bool, now: Timestamp) {
        match (was_well, self.is_well()) {
            (false, true) => self.pace = Some(Pace::begin(now)),
            (_, false) => self.pace = None,
            (true, true) => {}
        }
    }

    fn is_well(&self) -> bool {
        self.breaker.state() == State::Closed && self.pass_through.since().is_none()
    }

    fn passes_by(&mut self, tenant: &TenantName, asks: Asks, now: Timestamp) -> bool {
        let Some(rule) = self.rule else { return false };
        let (before, was_well) = (self.pass_through.since(), self.is_well());
        let goes = self.pass_through.ask(rule, asks, now);
        self.say_bypassed(tenant, before);
        self.follow_the_weather(was_well, now);
        !goes
    }

    fn note(&mut self, tenant: &TenantName, leave: Leave, good: bool, now: Timestamp) {
        let (before, was_well) = (self.breaker.state(), self.is_well());
        self.breaker.note(leave, good, now);
        self.say(tenant, before);
        if let Some(rule) = self.rule {
            let before = self.pass_through.since();
            self.pass_through.note(rule, good, now);
            self.say_bypassed(tenant, before);
        }
        self.follow_the_weather(was_well, now);
        if !good && let Some(pace) = &mut self.pace {
            // Not so fast.
            *pace = Pace::begin(now);
        }
    }

    /// What leaves now of what is kept.
    fn step(&mut self, tenant: &TenantName, now: Timestamp) -> Vec<Seq> {
        let before = self.breaker.state();
        let probes = self.breaker.probes_left(now);
        self.say(tenant, before);
        let count = match self.breaker.state() {
            State::Open { .. } => 0,
            State::HalfOpen => self.tries(probes as usize, now),
            State::Closed if self.pass_through.since().is_some() => self.tries(1, now),
            State::Closed => self.in_step(now),
        };
        std::iter::from_fn(|| self.kept.pop_first()).take(count).collect()
    }

    /// How many may leave now that everything leaves again. Each asks for leave once more before it does.
    fn in_step(&mut self, now: Timestamp) -> usize {
        let Some(pace) = &mut self.pace else { return self.kept.len() };
        if !self.kept.is_empty() {
            return pace.left(now);
        }
        pace.pass_over(now);
        if pace.has_risen(now) {
            self.pace = None;
        }
        0
    }

    fn tries(&mut self, count: usize, now: Timestamp) -> usize {
        if self.tried.is_some_and(|tried| now < tried + TRY_EVERY) {
            return 0;
        }
        self.tried = Some(now);
        count
    }

    /// A change of the breaker, in a line of the log.
    fn say(&self, tenant: &TenantName, before: State) {
        let (state, kept) = (self.breaker.state(), self.kept.len());
        if state.name() == before.name() {
            return;
        }
        let (attempts, failed) = self.breaker.cause();
        match state {
            State::Open { .. } => {
                tracing::error!(%tenant, attempts, failed, "the breaker is open: events are kept, callers hear the fallback");
            }
            State::HalfOpen => tracing::warn!(%tenant, kept, "the breaker is half-open: probes leave"),
            State::Closed => tracing::warn!(%tenant, kept, "the breaker is closed: what was kept leaves"),
        }
    }

    fn say_bypassed(&self, tenant: &TenantName, before: Option<Timestamp>) {
        match (before, self.pass_through.since()) {
            (None, Some(_)) => tracing::error!(%tenant, "calls pass by Xceed: too many failed for too long"),
            (Some(_), None) => tracing::warn!(%tenant, "calls go to Xceed again"),
            _ => {}
        }
    }
}

impl Pass {
    /// How the attempt ended.
    pub fn end(mut self, attempt: &Attempt, now: Timestamp) {
        let Some(good) = is_good(attempt) else { return };
        let Some(leave) = self.leave.take() else { return };
        if let Some(gate) = self.breakers.gates().get_mut(&self.tenant) {
            gate.note(&self.tenant, leave, good, now);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(leave) = self.leave.take() else { return };
        if let Some(gate) = self.breakers.gates().get_mut(&self.tenant) {
            gate.breaker.give_back(leave);
        }
    }
}
