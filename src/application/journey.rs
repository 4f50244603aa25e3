//! A live event's way through record, send and settle, from a caller's call on.

use super::breakers::{Pass, Shut};
use super::deliver::{Ended, Errand, Says};
use super::gateway::{Desk, Gateway, on_disk};
use super::lines::Start;
use super::mishap::Mishap;
use super::ports::{Claimed, Mode, Record, Recorded, StoreError};
use super::tickets::{Held, Ticket, Word};
use crate::domain::decision::Decision;
use crate::domain::pass_through::Asks;
use crate::telemetry::traces::{self, Kind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How often an event asks whether what another gateway has of its customer has left.
const LOOK: Duration = Duration::from_millis(20);

/// What a journey begins with.
pub(super) enum Plan {
    /// A new event, which leaves when its turn comes.
    New { record: Record, start: Start },
    /// A new event whose queue is held for a code: it is recorded, and waits.
    Wait { record: Record, code: String },
    /// A new event that is one check too many on its customer: it is recorded, and sent without asking for a score.
    Limited { record: Record, start: Start },
    /// An event that was recorded before.
    Known,
}

/// A live event's way through record, send and settle.
pub(super) struct Journey {
    // Before the ticket: whoever waits hears of it from this.
    pub(super) _mishap: Mishap,
    pub(super) desk: Desk,
    pub(super) errand: Errand,
    pub(super) held: Held,
    pub(super) mode: Mode,
    pub(super) deadline: Instant,
    /// Leave to send, or why there is none, where that was asked before the record was made.
    pub(super) pass: Option<Result<Pass, Shut>>,
}

impl Journey {
    pub(super) async fn begin(self, plan: Plan) {
        match (self.mode, plan) {
            (_, Plan::Wait { record, code }) => self.wait(record, &code).await,
            (_, Plan::Limited { record, start }) => self.limit(record, start).await,
            (Mode::Sync, Plan::New { record, start }) => self.score(record, start).await,
            (Mode::Deferred, Plan::New { record, start }) => self.defer(record, start).await,
            (Mode::Ack | Mode::Async | Mode::Batch | Mode::AsyncBatch, Plan::New { record, start }) => {
                self.take_in(Some(record), matches!(start, Start::Now)).await;
            }
            (Mode::Ack | Mode::Async | Mode::Deferred | Mode::Batch | Mode::AsyncBatch, Plan::Known) => {
                let is_turn = self.gateway().lines.begin(self.errand.seq);
                self.take_in(None, is_turn).await;
            }
            (Mode::Sync, Plan::Known) if !self.errand.tenant.resend_in_doubt => self.doubt().await,
            (Mode::Sync, Plan::Known) if self.gateway().lines.begin(self.errand.seq) => {
                self.send_in_turn(true).await;
            }
            // Others of its customer go first, and the relay sends it then.
            (Mode::Sync, Plan::Known) => self.tell(self.errand.bench().out_of_turn()).await,
        }
    }

    /// The caller hears at once that its queue is held; the event leaves when that ends.
    async fn wait(self, record: Record, code: &str) {
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        let bench = self.errand.bench();
        let decision = if self.mode == Mode::Ack { bench.acknowledge() } else { bench.while_held(code) };
        let told = self.errand.words(gateway, decision);
        let decided = self.mode.is_told_pending().then(|| told.clone());
        self.held.ticket().take_the_word();
        let recorded = self.record(Record { told: Some(told), decided, ..record }).await;
        if matches!(recorded, Err(_) | Ok(Recorded::Known)) {
            return;
        }
        if gateway.lines.give_up(seq) {
            gateway.lines.stay(seq);
        }
        if !gateway.holds.keep(&self.errand.tenant.name, &self.errand.message, seq) {
            // It ended meanwhile.
            gateway.relay.enqueue(seq, gateway.clock.now());
        }
    }

    /// The event was recorded before, so it may have been sent before, and nothing may be sent twice.
    async fn doubt(self) {
        if self.held.ticket().take_the_word() {
            self.tell_decision(Ended::unknown()).await;
        }
    }

    /// The caller hears that the event is recorded; it is sent behind, by the relay where others go first.
    async fn take_in(mut self, record: Option<Record>, is_turn: bool) {
        let (gateway, ticket, seq) = (self.gateway(), self.held.ticket(), self.errand.seq);
        let bench = self.errand.bench();
        let decision = match self.mode {
            Mode::Async => bench.await_callback(),
            Mode::Deferred => bench.defer(),
            _ => bench.acknowledge(),
        };
        let told = self.errand.words(gateway, decision);
        ticket.take_the_word();
        let recorded = match record {
            Some(record) => self.record(Record { told: Some(told), ..record }).await,
            None => {
                let recorded = on_disk(gateway.store.tell(seq, told.clone())).await.map(|_| Recorded::First);
                self.say_recorded(&recorded, told);
                recorded
            }
        };
        if matches!(recorded, Ok(Recorded::Limited)) && (is_turn || gateway.lines.give_up(seq)) {
            // What the relay reads of it in the store is what is sent.
            self.hand_over();
        }
        if !matches!(recorded, Ok(Recorded::First | Recorded::Behind)) {
            return;
        }
        let is_first = matches!(recorded, Ok(Recorded::First)) && self.keeps_its_turn().await;
        if let Some(until) = self.errand.callback_until {
            gateway.relay.enqueue(seq, until);
        }
        if !is_turn {
            if gateway.lines.give_up(seq) {
                self.hand_over();
            }
            return;
        }
        if !is_first {
            return self.hand_over();
        }
        self.acknowledge_behind().await;
    }

    /// An attempt that nobody waits for.
    async fn acknowledge_behind(&mut self) {
        let Ok((pass, is_noted)) = self.take_pass() else { return self.keep() };
        if !is_noted && !self.is_noted().await {
            return self.hand_over();
        }
        let gateway = self.gateway();
        let ended = self.errand.attempt(&self.desk, self.held.ticket(), pass).await;
        // What can't be recorded comes back by itself.
        let _ = self.errand.conclude(gateway, ended, Says::Nothing).await;
        if self.errand.callback_until.is_some() {
            // Where Xceed did not take it in, the decision has fallen.
            self.announce();
        }
    }

    /// A person looks at it: that is known at once, and Xceed only takes note.
    async fn limit(mut self, record: Record, start: Start) {
        let decision = self.errand.bench().limited(self.errand.tenant.checks);
        let told = self.errand.words(self.gateway(), decision);
        let decided = self.mode.is_told_pending().then(|| told.clone());
        self.held.ticket().take_the_word();
        let mut prepared = (*record.prepared).clone();
        prepared.message.response_required = false;
        prepared.message.callback_id = None;
        self.errand.message = prepared.message.clone();
        self.errand.callback_until = None;
        let record = Record { told: Some(told), decided, prepared: Arc::new(prepared), ..record };
        let recorded = self.record(record).await;
        let is_held = self.gateway().holds.code(&self.errand.tenant.name, &self.errand.message).is_some();
        let is_turn = matches!(recorded, Ok(Recorded::First)) && matches!(start, Start::Now);
        if is_turn && !is_held && self.keeps_its_turn().await {
            self.acknowledge_behind().await;
        } else if matches!(recorded, Ok(Recorded::First | Recorded::Behind)) {
            self.leave_to_the_relay(&start);
        }
    }

    /// The caller hears at once that the decision falls a moment later.
    async fn defer(self, record: Record, start: Start) {
        let told = self.errand.words(self.gateway(), self.errand.bench().defer());
        self.held.ticket().take_the_word();
        // On disk before the answer, so before the send.
        match self.record(Record { told: Some(told), ..record }).await {
            Ok(Recorded::First) => self.send_at(start, true).await,
            Ok(Recorded::Behind) => self.send_at(start, false).await,
            Ok(Recorded::Limited) => self.leave_to_the_relay(&start),
            Ok(Recorded::Known) | Err(_) => {}
        }
    }

    /// Records what is told with the record, and tells it.
    async fn record(&self, record: Record) -> Result<Recorded, StoreError> {
        let told = record.told.clone().unwrap_or_default();
        let limited = record.check.as_ref().map(|check| check.limited.clone()).unwrap_or_default();
        let recorded = on_disk(self.gateway().store.record(record));
        let recorded = traces::step(("record", Kind::Internal), recorded, traces::failed).await;
        let told = if matches!(recorded, Ok(Recorded::Limited)) { limited } else { told };
        self.say_recorded(&recorded, told);
        if matches!(recorded, Ok(Recorded::Limited)) && self.mode.is_told_pending() {
            self.announce();
        }
        recorded
    }

    fn announce(&self) {
        self.gateway().pushes.notify_one();
        self.gateway().tickets.announce(&self.errand.tenant.name, &self.errand.message.event_id);
    }

    /// What the relay reads of it in the store is what is sent.
    fn leave_to_the_relay(&self, start: &Start) {
        if matches!(start, Start::Now) || self.gateway().lines.give_up(self.errand.seq) {
            self.hand_over();
        }
    }

    /// Lets those know who wait for a record, and leaves the line where there is none.
    fn say_recorded(&self, recorded: &Result<Recorded, StoreError>, told: Vec<u8>) {
        let (gateway, ticket) = (self.gateway(), self.held.ticket());
        match recorded {
            Ok(Recorded::First | Recorded::Behind | Recorded::Limited) => {
                gateway.pushes.notify_one();
                ticket.say(Word::of(Ok(None), told, self.mode));
            }
            Ok(Recorded::Known) => {
                gateway.lines.leave(self.errand.seq, &gateway.relay, gateway.clock.now());
                ticket.say(Word::Withdrawn);
            }
            Err(_) => {
                gateway.lines.leave(self.errand.seq, &gateway.relay, gateway.clock.now());
                ticket.say(Word::Failed);
            }
        }
    }

    /// The caller hears a decision by the deadline: Xceed's if its turn and the answer come in time, else the
    /// fallback's, while the event goes on its way behind.
    async fn score(self, record: Record, start: Start) {
        let (gateway, ticket) = (self.gateway(), self.held.ticket());
        // The send need not wait for the flush, unless the last commit failed, nothing may be sent twice, or the record
        // is what keeps other gateways off. Dropping the receipt lets the record wait for the settlement, so that an
        // answer in time costs one flush.
        let must_wait =
            !gateway.store.is_well() || !self.errand.tenant.resend_in_doubt || gateway.store.is_shared();
        let limited = record.check.as_ref().map(|check| check.limited.clone()).unwrap_or_default();
        let receipt = gateway.store.record(record);
        let mut is_first = true;
        if must_wait {
            match traces::step(("record", Kind::Internal), on_disk(receipt), traces::failed).await {
                Ok(Recorded::First) => {}
                Ok(Recorded::Behind) => is_first = false,
                Ok(Recorded::Limited) => {
                    ticket.take_the_word();
                    self.say_recorded(&Ok(Recorded::Limited), limited);
                    return self.leave_to_the_relay(&start);
                }
                not_recorded => {
                    ticket.take_the_word();
                    return self.say_recorded(&not_recorded, Vec::new());
                }
            }
        }
        self.send_at(start, is_first).await;
    }

    /// Sends when its turn comes, where that is in time; the decision falls by the deadline.
    async fn send_at(self, start: Start, is_first: bool) {
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        let turn = match start {
            Start::Now if is_first && self.keeps_its_turn().await => return self.leave().await,
            Start::Now => return self.wait_for_others().await,
            Start::Later(turn) => turn,
        };
        if let Some(shut) = gateway.breakers.shut(&self.errand.tenant.name, gateway.clock.now()) {
            if gateway.lines.give_up(seq) {
                self.keep();
            }
            return self.tell_shut(shut).await;
        }
        tokio::select! {
            biased;
            Ok(()) = turn => self.send_in_turn(is_first).await,
            () = sleep_until(self.deadline - gateway.store.lead()) => {
                if gateway.lines.give_up(seq) {
                    self.hand_over();
                }
                self.tell(self.errand.bench().out_of_turn()).await;
            }
        }
    }

    /// Its turn has come, and counts as begun.
    async fn send_in_turn(self, is_first: bool) {
        let gateway = self.gateway();
        if let Some(code) = gateway.holds.code(&self.errand.tenant.name, &self.errand.message) {
            self.hand_over();
            return self.tell(self.errand.bench().while_held(&code)).await;
        }
        if is_first { self.leave().await } else { self.wait_for_others().await }
    }

    /// Sends, where its tenant's events may leave.
    async fn leave(mut self) {
        match self.take_pass() {
            Ok((pass, is_noted)) if is_noted || self.is_noted().await => self.send_in_time(pass).await,
            Ok(_) => {
                self.hand_over();
                self.tell(self.errand.bench().out_of_turn()).await;
            }
            Err(shut) => {
                self.keep();
                self.tell_shut(shut).await;
            }
        }
    }

    /// Leave to send, and whether it is on disk already that it may have been sent.
    fn take_pass(&mut self) -> Result<(Pass, bool), Shut> {
        if let Some(asked) = self.pass.take() {
            return asked.map(|pass| (pass, true));
        }
        let (gateway, tenant) = (self.gateway(), &self.errand.tenant);
        let pass =
            gateway.breakers.pass(tenant, Asks::Live, self.errand.attempts_left, gateway.clock.now())?;
        Ok((pass, false))
    }

    /// Sent only once it is on disk that it may have been, where nothing may be sent twice.
    async fn is_noted(&self) -> bool {
        self.errand.tenant.resend_in_doubt
            || on_disk(self.gateway().store.begin(self.errand.seq)).await.is_ok()
    }

    /// It leaves when its tenant's events may again.
    fn keep(&self) {
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        gateway.lines.stay(seq);
        if !gateway.breakers.keep(&self.errand.tenant.name, seq) {
            gateway.relay.enqueue(seq, gateway.clock.now());
        }
    }

    async fn tell_shut(&self, shut: Shut) {
        let bench = self.errand.bench();
        self.tell(match shut {
            Shut::Open => bench.while_open(),
            Shut::Bypassed => bench.passed_by(),
        })
        .await;
    }

    /// Whether nothing of its customer goes before it that was taken over from another gateway while it was recorded. Where
    /// something does, its turn is given back on disk too: it has not begun, whatever its record says.
    async fn keeps_its_turn(&self) -> bool {
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        if !gateway.store.is_shared() || gateway.lines.is_first(seq) {
            return true;
        }
        if !self.errand.tenant.resend_in_doubt && matches!(self.pass, Some(Ok(_))) {
            // Where that can't be recorded, a person looks at it, as at all that is in doubt.
            drop(self.errand.conclude(gateway, Ended::not_made(), Says::Nothing).await);
        }
        false
    }

    /// Older events of the customer are another gateway's, or were until just now. Behind those it was not recorded as begun,
    /// and leave is asked for anew.
    async fn wait_for_others(mut self) {
        self.pass = None;
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        let over = self.deadline - gateway.store.lead();
        gateway.lines.stay(seq);
        let turn = async {
            while !gateway.lines.is_first(seq)
                || !matches!(gateway.store.claim(seq).await, Ok(Claimed::Mine(_)))
                || !gateway.lines.begin(seq)
            {
                sleep(LOOK).await;
            }
        };
        if timeout_at(over, turn).await.is_ok() {
            return self.leave().await;
        }
        self.hand_over();
        self.tell(self.errand.bench().out_of_turn()).await;
    }

    /// The relay sends the event when it may leave.
    fn hand_over(&self) {
        let gateway = self.gateway();
        gateway.lines.stay(self.errand.seq);
        gateway.relay.enqueue(self.errand.seq, gateway.clock.now());
    }

    async fn send_in_time(self, pass: Pass) {
        let (gateway, ticket) = (self.gateway(), self.held.ticket());
        let mut attempt = pin!(self.errand.attempt(&self.desk, ticket, pass));
        let ended = tokio::select! {
            biased;
            ended = &mut attempt => Some(ended),
            () = sleep_until(self.deadline - gateway.store.lead()) => None,
        };
        if self.mode == Mode::Deferred {
            let is_decided = match &ended {
                Some(_) => false,
                None => self.decide(self.errand.bench().past_deadline(self.errand.deadline)).await,
            };
            let ended = match ended {
                Some(ended) => ended,
                None => attempt.await,
            };
            let words = || self.errand.words(gateway, self.errand.decide(&ended));
            let says = if is_decided { Says::Nothing } else { Says::Decides(words()) };
            drop(self.errand.conclude(gateway, ended, says).await);
            return self.announce();
        }
        // A twin may have taken the word for this event before us, if the relay worked on it then.
        match ended {
            Some(ended) if ticket.take_the_word() => self.tell_decision(ended).await,
            Some(ended) => drop(self.errand.conclude(gateway, ended, Says::Nothing).await),
            None => {
                let decision = self.errand.bench().past_deadline(self.errand.deadline);
                let told = !ticket.take_the_word()
                    || matches!(
                        speak_fallback(gateway, &self.errand, (ticket, self.mode), decision).await,
                        Word::Told { .. }
                    );
                let ended = attempt.await;
                // Where nothing was promised, the decision is what is heard when the event is asked for again.
                let words = || self.errand.words(gateway, self.errand.decide(&ended));
                let says = if told { Says::Nothing } else { Says::Tells(words()) };
                drop(self.errand.conclude(gateway, ended, says).await);
            }
        }
    }

    async fn tell_decision(&self, ended: Ended) {
        let gateway = self.gateway();
        let told = self.errand.words(gateway, self.errand.decide(&ended));
        let settled = self.errand.conclude(gateway, ended, Says::Tells(told.clone())).await;
        self.held.ticket().say(Word::of(settled, told, self.mode));
    }

    /// The decision falls, whose event was told to be pending before. Whether that is on disk.
    async fn decide(&self, decision: Decision) -> bool {
        let (gateway, words) = (self.gateway(), self.errand.words(self.gateway(), decision));
        let is_decided = on_disk(gateway.store.decide(self.errand.seq, words)).await.is_ok();
        self.announce();
        is_decided
    }

    /// The fallback decides at once.
    async fn tell(&self, decision: Decision) {
        if self.mode == Mode::Deferred {
            // Where that can't be recorded, the relay finds out that the time is over.
            let _ = self.decide(decision).await;
        } else if self.held.ticket().take_the_word() {
            speak_fallback(self.gateway(), &self.errand, (self.held.ticket(), self.mode), decision).await;
        }
    }

    fn gateway(&self) -> &Gateway {
        &self.desk.gateway
    }
}

/// Tells a decision that Xceed has no part in. Only for whoever has taken the word.
pub(super) async fn speak_fallback(
    gateway: &Gateway,
    errand: &Errand,
    (ticket, mode): (&Ticket, Mode),
    decision: Decision,
) -> Word {
    let told = errand.words(gateway, decision);
    let recorded = on_disk(gateway.store.tell(errand.seq, told.clone())).await;
    gateway.pushes.notify_one();
    let word = Word::of(recorded, told, mode);
    ticket.say(word.clone());
    word
}
