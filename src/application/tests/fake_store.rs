//! A store that keeps nothing, and tells what it was told to write.

use super::*;
use crate::domain::going_back::Kind;

/// What was written, in order, and how writes go.
#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) seq: AtomicI64,
    pub(super) written: Mutex<Vec<String>>,
    /// How long each commit takes.
    pub(super) flush: Duration,
    /// How much longer the end of a hold takes.
    pub(super) release: Duration,
    pub(super) fails: bool,
    pub(super) unwell: bool,
    /// Whether other gateways write to it too.
    pub(super) shared: bool,
    /// Whether a decision falls whenever somebody looks.
    pub(super) decides: bool,
    /// Decisions that are to go back, and when each is due.
    pub(super) pushes: Mutex<Vec<(Push, Instant)>>,
    /// Those that somebody has.
    pub(super) taken: Mutex<Vec<Push>>,
}

impl FakeStore {
    fn write<T: 'static>(&self, what: String, outcome: T) -> Receipt<T> {
        self.write_in(self.flush, what, outcome)
    }

    fn write_in<T: 'static>(&self, time: Duration, what: String, outcome: T) -> Receipt<T> {
        let (done, receipt) = oneshot::channel();
        self.written.lock().expect("whole").push(what);
        let fails = self.fails;
        tokio::task::spawn_local(async move {
            sleep(time).await;
            let _ = done.send(if fails { Err(StoreError("full".into())) } else { Ok(outcome) });
        });
        receipt
    }

    pub(super) fn written(&self) -> Vec<String> {
        self.written.lock().expect("whole").clone()
    }
}

fn now<T: 'static>(answer: T) -> Local<Result<T, StoreError>> {
    Box::pin(std::future::ready(Ok(answer)))
}

impl Archive for FakeStore {
    fn backlog(&self) -> Local<Result<Vec<Backlog>, StoreError>> {
        now(vec![])
    }
    fn search(&self, _: Search) -> Local<Result<Shelf, StoreError>> {
        now(Shelf::default())
    }
    fn story(&self, _: &TenantName, _: &EventId) -> Local<Result<Option<Story>, StoreError>> {
        now(None)
    }
}

impl Store for FakeStore {
    fn next_seq(&self) -> Seq {
        self.seq.fetch_add(1, SeqCst)
    }
    fn is_shared(&self) -> bool {
        self.shared
    }
    fn record(&self, record: Record) -> Receipt<Recorded> {
        let told = if record.told.is_some() { " told" } else { "" };
        self.write(format!("record {}{told}", record.prepared.message.event_id), Recorded::First)
    }
    fn begin(&self, seq: Seq) -> Receipt {
        self.write(format!("begin {seq}"), ())
    }
    fn tell(&self, seq: Seq, _told: Vec<u8>) -> Receipt<Option<Vec<u8>>> {
        self.write(format!("tell {seq}"), None)
    }
    fn settle(&self, end: Settlement) -> Receipt<Option<Vec<u8>>> {
        let told = if end.told.is_some() { " told" } else { "" };
        let told = if end.decided.is_some() { " decided" } else { told };
        let late = if end.late.is_some() { " late" } else { "" };
        let state = if matches!(end.state, State::Queued { .. }) { " queued" } else { "" };
        self.write(format!("settle {}{told}{late}{state}", end.seq), None)
    }
    fn refused(&self, why: &'static str) {
        self.written.lock().expect("whole").push(format!("refused {why}"));
    }
    fn find(&self, _: &TenantName, _: &EventId, _: Option<&str>) -> Local<Found> {
        now(None)
    }
    fn operate(&self, seq: Seq, act: Act, _: Who) -> Receipt {
        self.write(format!("{act:?} {seq}"), ())
    }
    fn parked(&self, _: &TenantName, _: Option<Seq>, _: u32) -> Local<Result<Vec<Parked>, StoreError>> {
        now(vec![])
    }
    fn one_parked(&self, _: &TenantName, _: Seq) -> Local<Result<Option<Parked>, StoreError>> {
        now(None)
    }
    fn decide(&self, seq: Seq, _decided: Vec<u8>) -> Receipt {
        self.write(format!("decide {seq}"), ())
    }
    fn call_back(&self, callback: Callback) -> Receipt<Effect> {
        self.write(format!("call back {}", callback.seq), Effect::Decided)
    }
    fn awaited(&self, _: &TenantName, _: &EventId) -> Local<Result<Option<Awaited>, StoreError>> {
        now(None)
    }
    fn view(&self, _: &TenantName, _: &EventId) -> Local<Result<Option<View>, StoreError>> {
        now(None)
    }
    fn claim(&self, _: Seq) -> Local<Result<Claimed, StoreError>> {
        now(Claimed::Gone)
    }
    fn orphans(&self) -> Local<Result<Vec<Waiting>, StoreError>> {
        now(vec![])
    }
    fn prune(&self, _: Seq, _: Timestamp, _: u32) -> Local<Result<Option<Pruned>, StoreError>> {
        Box::pin(async { Ok(None) })
    }
    fn lead(&self) -> Duration {
        10 * MS
    }
    fn is_well(&self) -> bool {
        !self.unwell
    }
    fn hold(&self, hold: Hold) -> Receipt {
        self.write(format!("hold {}", hold.queue), ())
    }
    fn release(&self, hold: Hold, _: Who) -> Receipt<Vec<Waiting>> {
        self.write_in(self.flush + self.release, format!("release {}", hold.queue), vec![])
    }
    fn holds(&self) -> Local<Result<Vec<Hold>, StoreError>> {
        now(vec![])
    }
    fn oldest_held(&self, _: &Hold) -> Local<Result<Option<Probe>, StoreError>> {
        now(None)
    }
    fn is_overtaken(&self, _: Seq) -> Local<Result<bool, StoreError>> {
        now(false)
    }
    fn pushes(
        &self,
        _: Timestamp,
        limit: u32,
        paused: &[(TenantName, String)],
    ) -> Local<Result<Vec<Push>, StoreError>> {
        let is_paused =
            |push: &Push| paused.iter().any(|(tenant, to)| (tenant, to) == (&push.tenant, &push.target));
        let mut queued = self.pushes.lock().expect("whole");
        let mut given: Vec<Push> = Vec::new();
        queued.retain(|(push, due)| {
            let is_due = *due <= Instant::now() && !is_paused(push);
            let is_given = is_due && given.len() < limit as usize;
            given.extend(is_given.then(|| push.clone()));
            !is_given
        });
        self.taken.lock().expect("whole").extend(given.iter().cloned());
        now(given)
    }
    fn pushed(&self, end: PushEnd) -> Receipt {
        let mut taken = self.taken.lock().expect("whole");
        if let Some(at) = taken.iter().position(|push| push.id == end.id) {
            let mut push = taken.remove(at);
            push.attempts += u32::from(end.left);
            if let State::Queued { due } = end.state {
                // The time of day stands still here.
                let wait = due.duration_since(end.at).unsigned_abs();
                self.pushes.lock().expect("whole").push((push, Instant::now() + wait));
            }
        }
        self.write(format!("pushed {} {} {}", end.id, end.why, end.state.name()), ())
    }
    fn claim_together(&self, seqs: Vec<Seq>) -> Local<Result<Vec<Claimed>, StoreError>> {
        now(seqs.iter().map(|_| Claimed::Gone).collect())
    }
    fn batch(&self, batch: Batch) -> Receipt {
        self.write(format!("batch {}", batch.id), ())
    }
    fn batch_view(&self, _: &TenantName, _: &str) -> Local<Result<Option<BatchView>, StoreError>> {
        now(None)
    }
    fn parked_pushes(
        &self,
        _: &TenantName,
        _: Option<PushId>,
        _: u32,
    ) -> Local<Result<Vec<ParkedPush>, StoreError>> {
        now(vec![])
    }
    fn operate_push(&self, _: &TenantName, id: PushId, act: Act, _: Who) -> Receipt {
        self.write(format!("{act:?} push {id}"), ())
    }
    fn journal_end(&self) -> Local<Result<Place, StoreError>> {
        now(Place(0, 0))
    }
    fn journal(&self, _: &TenantName, after: Place, _: u32) -> Local<Result<JournalPage, StoreError>> {
        let place = Place(after.0, after.1 + i64::from(self.decides));
        let entry = JournalEntry {
            place: place.clone(),
            kind: Kind::Decision,
            event_id: format!("e-{}", place.1),
            words: b"{}".to_vec(),
            late: None,
        };
        let entries = if self.decides { vec![entry] } else { vec![] };
        now(JournalPage { entries, upto: place })
    }
    fn reloaded(&self, _: String) -> Receipt {
        self.write("reloaded".to_owned(), ())
    }
}
