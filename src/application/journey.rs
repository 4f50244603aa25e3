//! A live event's way through record, send and settle, from a caller's call on.

use super::deliver::{Ended, Errand};
use super::gateway::{Desk, Gateway, on_disk};
use super::lines::Start;
use super::ports::{Claimed, Mode, Record, Recorded, StoreError};
use super::tickets::{Held, Ticket, Word};
use crate::domain::decision::Decision;
use std::pin::pin;
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
    /// An event that was recorded before.
    Known,
}

/// A live event's way through record, send and settle.
pub(super) struct Journey {
    pub(super) desk: Desk,
    pub(super) errand: Errand,
    pub(super) held: Held,
    pub(super) mode: Mode,
    pub(super) deadline: Instant,
}

impl Journey {
    pub(super) async fn begin(self, plan: Plan) {
        match (self.mode, plan) {
            (_, Plan::Wait { record, code }) => self.wait(record, &code).await,
            (Mode::Ack | Mode::Async, Plan::New { record, start }) => {
                self.take_in(Some(record), matches!(start, Start::Now)).await;
            }
            (Mode::Ack | Mode::Async, Plan::Known) => {
                let is_turn = self.gateway().lines.begin(self.errand.seq);
                self.take_in(None, is_turn).await;
            }
            (Mode::Sync, Plan::New { record, start }) => self.score(record, start).await,
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
        let (gateway, ticket, seq) = (self.gateway(), self.held.ticket(), self.errand.seq);
        let bench = self.errand.bench();
        let decision = if self.mode == Mode::Ack { bench.acknowledge() } else { bench.while_held(code) };
        let told = self.errand.words(gateway, decision);
        let decided = (self.mode == Mode::Async).then(|| told.clone());
        ticket.take_the_word();
        let recorded =
            on_disk(gateway.store.record(Record { told: Some(told.clone()), decided, ..record })).await;
        if gateway.lines.give_up(seq) {
            gateway.lines.stay(seq);
        }
        if !gateway.holds.keep(&self.errand.tenant.name, &self.errand.message, seq) {
            // It ended meanwhile.
            gateway.relay.enqueue(seq, gateway.clock.now());
        }
        self.say_recorded(&recorded, told);
    }

    /// The event was recorded before, so it may have been sent before, and nothing may be sent twice.
    async fn doubt(self) {
        if self.held.ticket().take_the_word() {
            self.tell_decision(Ended::unknown()).await;
        }
    }

    /// The caller hears that the event is recorded; it is sent behind, by the relay where others go first.
    async fn take_in(self, record: Option<Record>, is_turn: bool) {
        let (gateway, ticket, seq) = (self.gateway(), self.held.ticket(), self.errand.seq);
        let bench = self.errand.bench();
        let decision = if self.mode == Mode::Async { bench.await_callback() } else { bench.acknowledge() };
        let told = self.errand.words(gateway, decision);
        ticket.take_the_word();
        let recorded = match record {
            Some(record) => {
                on_disk(gateway.store.record(Record { told: Some(told.clone()), ..record })).await
            }
            None => on_disk(gateway.store.tell(seq, told.clone())).await.map(|_| Recorded::First),
        };
        let is_first = matches!(recorded, Ok(Recorded::First));
        let is_recorded = !matches!(recorded, Err(_) | Ok(Recorded::Known));
        self.say_recorded(&recorded, told);
        if !is_recorded {
            return;
        }
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
        let ended = self.errand.attempt(&self.desk, ticket).await;
        // What can't be recorded comes back by itself.
        let _ = self.errand.conclude(gateway, ended, None).await;
        if self.errand.callback_until.is_some() {
            // Where Xceed did not take it in, the decision has fallen.
            gateway.tickets.announce(&self.errand.tenant.name, &self.errand.message.event_id);
        }
    }

    /// Lets those know who wait for a record, and leaves the line where there is none.
    fn say_recorded(&self, recorded: &Result<Recorded, StoreError>, told: Vec<u8>) {
        let (gateway, ticket) = (self.gateway(), self.held.ticket());
        match recorded {
            Ok(Recorded::First | Recorded::Behind) => {
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
        let (gateway, ticket, seq) = (self.gateway(), self.held.ticket(), self.errand.seq);
        // The send need not wait for the flush, unless the last commit failed, nothing may be sent twice, or the record
        // is what keeps other gateways off. Dropping the receipt lets the record wait for the settlement, so that an
        // answer in time costs one flush.
        let must_wait =
            !gateway.store.is_well() || !self.errand.tenant.resend_in_doubt || gateway.store.is_shared();
        let receipt = gateway.store.record(record);
        let mut is_first = true;
        if must_wait {
            match on_disk(receipt).await {
                Ok(Recorded::First) => {}
                Ok(Recorded::Behind) => is_first = false,
                not_recorded => {
                    ticket.take_the_word();
                    return self.say_recorded(&not_recorded, Vec::new());
                }
            }
        }
        let turn = match start {
            Start::Now if is_first => return self.send_in_time().await,
            Start::Now => return self.wait_for_others().await,
            Start::Later(turn) => turn,
        };
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
        let (gateway, seq) = (self.gateway(), self.errand.seq);
        if let Some(code) = gateway.holds.code(&self.errand.tenant.name, &self.errand.message) {
            self.hand_over();
            return self.tell(self.errand.bench().while_held(&code)).await;
        }
        if !is_first {
            return self.wait_for_others().await;
        }
        // Sent only once it is on disk that it may have been, where nothing may be sent twice.
        if self.errand.tenant.resend_in_doubt || on_disk(gateway.store.begin(seq)).await.is_ok() {
            return self.send_in_time().await;
        }
        self.hand_over();
        self.tell(self.errand.bench().out_of_turn()).await;
    }

    /// Another gateway has older events of the customer.
    async fn wait_for_others(self) {
        let (gateway, over) = (self.gateway(), self.deadline - self.gateway().store.lead());
        let turn = async {
            while !matches!(gateway.store.claim(self.errand.seq).await, Ok(Claimed::Mine(_))) {
                sleep(LOOK).await;
            }
        };
        if timeout_at(over, turn).await.is_ok() {
            return self.send_in_time().await;
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

    async fn send_in_time(self) {
        let (gateway, ticket) = (self.gateway(), self.held.ticket());
        let mut attempt = pin!(self.errand.attempt(&self.desk, ticket));
        let ended = tokio::select! {
            biased;
            ended = &mut attempt => Some(ended),
            () = sleep_until(self.deadline - gateway.store.lead()) => None,
        };
        // A twin may have taken the word for this event before us, if the relay worked on it then.
        match ended {
            Some(ended) if ticket.take_the_word() => self.tell_decision(ended).await,
            Some(ended) => drop(self.errand.conclude(gateway, ended, None).await),
            None => {
                let decision = self.errand.bench().past_deadline();
                let told = !ticket.take_the_word()
                    || matches!(
                        speak_fallback(gateway, &self.errand, (ticket, self.mode), decision).await,
                        Word::Told { .. }
                    );
                let ended = attempt.await;
                // Where nothing was promised, the decision is what is heard when the event is asked for again.
                let late = (!told).then(|| self.errand.words(gateway, self.errand.decide(&ended)));
                drop(self.errand.conclude(gateway, ended, late).await);
            }
        }
    }

    async fn tell_decision(&self, ended: Ended) {
        let gateway = self.gateway();
        let told = self.errand.words(gateway, self.errand.decide(&ended));
        let settled = self.errand.conclude(gateway, ended, Some(told.clone())).await;
        self.held.ticket().say(Word::of(settled, told, self.mode));
    }

    /// The fallback decides at once.
    async fn tell(&self, decision: Decision) {
        if self.held.ticket().take_the_word() {
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
    let word = Word::of(recorded, told, mode);
    ticket.say(word.clone());
    word
}
