//! The shared store: one PostgreSQL database for many gateways. All that speaks to it runs on a thread of the store's
//! own: a writer with one transaction at a time, a few connections that read, and a heart.

mod address;
mod archive;
mod batch;
mod batches;
mod claimed;
mod closing;
mod command;
mod entries;
mod going_back;
mod heart;
mod journal;
mod line;
mod link;
mod news;
mod pushed;
mod reader;
mod rows;
mod schema;
mod shared;
#[cfg(test)]
mod simulation;
mod standing;
mod statements;
mod tls;
mod transaction;
mod waiting;
mod writer;
mod written;

pub use address::PostgresSettings;
pub(super) use entries::Entries;

use super::audit::{self, Head, Trail};
use super::rows::{failed, time};
use super::sealing::Sealer;
use crate::application::ports::{
    Act, Awaited, Batch, BatchView, Callback, Claimed, Effect, Found, Hold, JournalPage, Listener, Local,
    Parked, ParkedPush, Place, Probe, Pruned, Push, PushEnd, PushId, Receipt, Record, Recorded, Resumption,
    Seq, Settlement, Store, StoreError, View, Waiting, Who,
};
use crate::domain::hold::STORE_OLDER;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::velocity;
use crate::telemetry::{self, vital};
use claimed::read_claimed;
use command::{Command, Item, Release, Waiter, Write};
use heart::Heart;
use jiff::Timestamp;
use link::Link;
use reader::{Read, ask};
use shared::{Shared, seq_at};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio_postgres::Row;
use transaction::Author;
use writer::Writer;

/// How much longer than an attempt a delivery is its gateway's alone: a caller may wait for its turn, and a commit.
const LEASE_REST: Duration = Duration::from_secs(10);

/// The shared store.
pub struct Postgres {
    shared: Arc<Shared>,
    queue: Option<UnboundedSender<Item>>,
    reads: Option<UnboundedSender<Read>>,
    idempotency: Duration,
    listener: Arc<Mutex<Option<Listener>>>,
    thread: Option<JoinHandle<()>>,
    trail: Arc<Trail>,
    witness: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    sealer: Arc<Sealer>,
}

impl Postgres {
    /// Connects, and brings the tables up to date. An event is known by its idempotency key for so long; no attempt
    /// lasts longer than `attempt`.
    ///
    /// # Errors
    /// The database can't be reached or used, another gateway has this one's audit key, or a newer version of the
    /// gateway made the tables.
    pub fn open(
        settings: &PostgresSettings,
        idempotency: Duration,
        attempt: Duration,
        audit: &audit::Settings,
    ) -> Result<Self, StoreError> {
        let tls = tls::Tls::new().map_err(failed)?;
        let trail = Arc::new(Trail::open(audit)?);
        let shared = Arc::new(Shared::new(settings.clone(), tls, trail.gateway().to_owned()));
        let listener = Arc::new(Mutex::new(None));
        let ((queue, items), (reads, asked)) = (unbounded_channel(), unbounded_channel());
        let (told, opened) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let times = (micros(attempt + LEASE_REST), micros(idempotency));
        let work = {
            let (shared, listener, trail) = (shared.clone(), listener.clone(), trail.clone());
            move || match begin(&runtime, &shared, &trail) {
                Ok((link, head)) => {
                    let _ = told.send(Ok(()));
                    runtime.block_on(run(shared, (link, head), (items, asked), times, (trail, listener)));
                }
                Err(error) => drop(told.send(Err(error))),
            }
        };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(|| vital(work)).map_err(failed)?;
        let mut store = Self {
            shared,
            queue: Some(queue.clone()),
            reads: Some(reads),
            idempotency,
            listener,
            thread: Some(thread),
            trail: trail.clone(),
            witness: None,
            sealer: Arc::default(),
        };
        opened.recv().unwrap_or_else(|_| Err(StoreError("the store's thread has ended".to_owned())))?;
        let (stop, stopped) = mpsc::channel();
        let watch = move || vital(|| trail.watch(&stopped, || record_refusals(&trail, &queue)));
        let witness = thread::Builder::new().name("store-witness".to_owned()).spawn(watch).map_err(failed)?;
        store.witness = Some((stop, witness));
        Ok(store)
    }

    /// With payloads sealed.
    ///
    /// # Errors
    /// There are payloads that it can't open, or the store can't be read.
    pub(super) fn sealing(mut self, sealer: Arc<Sealer>) -> Result<Self, StoreError> {
        sealer.check(self.look(|link| async move { rows::newest_payload(&link).await })?.as_deref())?;
        self.sealer = sealer;
        Ok(self)
    }

    /// Why the store is not the one that was signed, as long as no operator has decided.
    pub fn doubt(&self) -> Option<String> {
        self.trail.doubt()
    }

    /// What a start resumes.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn resumption(&self, now: Timestamp) -> Result<Resumption, StoreError> {
        let since = (now - velocity::WINDOW).as_microsecond();
        let (number, from) = (self.shared.number.get().copied().unwrap_or_default(), seq_at(since));
        self.look(move |link| async move { rows::resumption(&link, number, from, since).await })
    }

    /// Reads, and waits for it: at a start alone.
    fn look<T: Send + 'static, F: Future<Output = Result<T, tokio_postgres::Error>> + Send + 'static>(
        &self,
        query: impl FnOnce(Arc<Link>) -> F + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = mpsc::channel();
        let read: Read = Box::new(move |link: Arc<Link>| {
            Box::pin(async move {
                let read = link::answer(&link, query(link.clone())).await;
                let _ = tell.send(read);
            })
        });
        if let Some(reads) = &self.reads {
            let _ = reads.send(read);
        }
        told.recv().unwrap_or_else(|_| Err(StoreError("the database is not there".to_owned())))
    }

    fn write<T>(
        &self,
        write: Write,
        wait: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Waiter,
    ) -> Receipt<T> {
        let (done, receipt) = oneshot::channel();
        // A writer that has ended drops the sender, and the receipt says so.
        if let Some(queue) = &self.queue {
            let _ = queue.send(Item::Write(Command { write, waiter: wait(done) }));
        }
        receipt
    }

    fn one<T: Send + 'static>(
        &self,
        sql: &'static str,
        tenant: &TenantName,
        id: &EventId,
        read: fn(&Row) -> T,
    ) -> Local<Result<Option<T>, StoreError>> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(sql, &[&tenant, &id]).await?;
            Ok(rows.first().map(read))
        })
    }
}

fn stopped() -> StoreError {
    StoreError("the writer has stopped".to_owned())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// What was refused in the last second becomes entries. Nobody waits for them.
fn record_refusals(trail: &Trail, queue: &UnboundedSender<Item>) {
    let refused = trail.refusals.take();
    if !refused.is_empty() {
        let waiter = Waiter::Plain(oneshot::channel().0);
        let _ = queue.send(Item::Write(Command { write: Write::Refused(refused), waiter }));
    }
}

/// The first connection, with its entry in the audit trail.
fn begin(runtime: &Runtime, shared: &Shared, trail: &Trail) -> Result<(Link, Head), StoreError> {
    let link = runtime.block_on(writer::first(shared))?;
    let head = entries::begin(runtime, trail, &link)?;
    Ok((link, head))
}

/// Everything that runs on the store's thread, until nobody writes any more.
async fn run(
    shared: Arc<Shared>,
    (link, head): (Link, Head),
    (queue, reads): (UnboundedReceiver<Item>, UnboundedReceiver<Read>),
    (attempt, idempotency): (i64, i64),
    (trail, listener): (Arc<Trail>, Arc<Mutex<Option<Listener>>>),
) {
    let (news, outbox) = unbounded_channel();
    tokio::spawn(Heart { shared: shared.clone(), news: outbox, listener }.run());
    tokio::spawn(reader::run(shared.clone(), reads));
    let author = Author { me: shared.number.get().copied().unwrap_or_default(), attempt, idempotency };
    let (fences, held) = (HashMap::new(), Vec::new());
    let writer = Writer { shared, queue, link, author, fences, trail, head, lasting: head, news, held };
    writer.run().await;
}

impl Store for Postgres {
    fn next_seq(&self) -> Seq {
        self.shared.next_seq(telemetry::now().as_microsecond())
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn record(&self, record: Record) -> Receipt<Recorded> {
        self.write(Write::Record(Box::new(self.sealer.seal(record))), Waiter::Recorded)
    }

    fn begin(&self, seq: Seq) -> Receipt {
        self.write(Write::Begin(seq), Waiter::Plain)
    }

    fn decide(&self, seq: Seq, decided: Vec<u8>) -> Receipt {
        self.write(Write::Decide(seq, decided), Waiter::Plain)
    }

    fn call_back(&self, callback: Callback) -> Receipt<Effect> {
        self.write(Write::CallBack(Box::new(callback)), Waiter::Effect)
    }

    fn tell(&self, seq: Seq, told: Vec<u8>) -> Receipt<Option<Vec<u8>>> {
        self.write(Write::Tell(seq, told), Waiter::Stands)
    }

    fn operate(&self, seq: Seq, act: Act, by: Who) -> Receipt {
        self.write(Write::Operate(seq, act, by), Waiter::Plain)
    }

    fn settle(&self, settlement: Settlement) -> Receipt<Option<Vec<u8>>> {
        self.write(Write::Settle(Box::new(settlement)), Waiter::Stands)
    }

    fn find(&self, tenant: &TenantName, id: &EventId, key: Option<&str>) -> Local<Found> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        let key = key.map(str::to_owned);
        let since = time(telemetry::now() - self.idempotency);
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            if let Some(key) = key
                && let Some(row) =
                    link.query(statements::FIND_BY_KEY, &[&tenant, &key, &since]).await?.first()
            {
                return Ok(Some(rows::known(row)));
            }
            let found = link.query(statements::FIND_BY_ID, &[&tenant, &id]).await?;
            Ok(found.first().map(rows::known))
        })
    }

    fn awaited(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<Awaited>, StoreError>> {
        self.one(statements::AWAITED, tenant, id, rows::awaited)
    }

    fn view(&self, tenant: &TenantName, id: &EventId) -> Local<Result<Option<View>, StoreError>> {
        self.one(statements::VIEW, tenant, id, rows::view)
    }

    fn claim(&self, seq: Seq) -> Local<Result<Claimed, StoreError>> {
        let claimed = self.write(Write::Claim(seq), Waiter::Turn);
        let (reads, sealer) = (self.reads.clone(), self.sealer.clone());
        Box::pin(async move {
            let turn = claimed.await.unwrap_or_else(|_| Err(stopped()))?;
            let mut claimed = read_claimed(reads, vec![(seq, turn)], &sealer).await?;
            Ok(claimed.pop().unwrap_or(Claimed::Gone))
        })
    }

    fn claim_together(&self, seqs: Vec<Seq>) -> Local<Result<Vec<Claimed>, StoreError>> {
        let claimed = self.write(Write::ClaimTogether(seqs.clone()), Waiter::Turns);
        let (reads, sealer) = (self.reads.clone(), self.sealer.clone());
        Box::pin(async move {
            let turns = claimed.await.unwrap_or_else(|_| Err(stopped()))?;
            read_claimed(reads, seqs.into_iter().zip(turns).collect(), &sealer).await
        })
    }

    fn batch(&self, batch: Batch) -> Receipt {
        self.write(Write::Batch(Box::new(batch)), Waiter::Plain)
    }

    fn batch_view(&self, tenant: &TenantName, id: &str) -> Local<Result<Option<BatchView>, StoreError>> {
        batches::view(self.reads.as_ref(), tenant, id)
    }

    fn pushes(
        &self,
        now: Timestamp,
        limit: u32,
        paused: &[(TenantName, String)],
    ) -> Local<Result<Vec<Push>, StoreError>> {
        let me = self.shared.number.get().copied().unwrap_or_default();
        going_back::claim(self.reads.as_ref(), me, (now, limit), paused)
    }

    fn pushed(&self, end: PushEnd) -> Receipt {
        self.write(Write::Pushed(end), Waiter::Plain)
    }

    fn parked_pushes(
        &self,
        tenant: &TenantName,
        below: Option<PushId>,
        limit: u32,
    ) -> Local<Result<Vec<ParkedPush>, StoreError>> {
        going_back::parked(self.reads.as_ref(), tenant, below, limit)
    }

    fn operate_push(&self, tenant: &TenantName, id: PushId, act: Act, by: Who) -> Receipt {
        self.write(Write::OperatePush(tenant.clone(), id, act, by), Waiter::Plain)
    }

    fn journal_end(&self) -> Local<Result<Place, StoreError>> {
        journal::end(self.reads.as_ref())
    }

    fn journal(
        &self,
        tenant: &TenantName,
        after: Place,
        limit: u32,
    ) -> Local<Result<JournalPage, StoreError>> {
        journal::page(self.reads.as_ref(), tenant, after, limit)
    }

    fn reloaded(&self, configuration: String) -> Receipt {
        self.write(Write::Reloaded(configuration), Waiter::Plain)
    }

    fn orphans(&self) -> Local<Result<Vec<Waiting>, StoreError>> {
        let (done, adopted) = oneshot::channel();
        if let Some(queue) = &self.queue {
            let _ = queue.send(Item::Adopt(done));
        }
        Box::pin(async move { adopted.await.unwrap_or_else(|_| Err(stopped())) })
    }

    fn parked(
        &self,
        tenant: &TenantName,
        below: Option<Seq>,
        limit: u32,
    ) -> Local<Result<Vec<Parked>, StoreError>> {
        let (tenant, below) = (tenant.as_str().to_owned(), below.unwrap_or(Seq::MAX));
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(statements::PARKED, &[&tenant, &below, &i64::from(limit)]).await?;
            Ok(rows.iter().map(rows::parked).collect())
        })
    }

    fn one_parked(&self, tenant: &TenantName, seq: Seq) -> Local<Result<Option<Parked>, StoreError>> {
        // The one below the number that follows it, where it is that one.
        let found = self.parked(tenant, seq.checked_add(1), 1);
        Box::pin(async move { Ok(found.await?.into_iter().find(|parked| parked.seq == seq)) })
    }

    fn hold(&self, hold: Hold) -> Receipt {
        self.write(Write::Hold(hold), Waiter::Plain)
    }

    fn release(&self, hold: Hold, by: Who) -> Receipt<Vec<Waiting>> {
        let (done, released) = oneshot::channel();
        // Whoever ends the first such hold takes the store as it is; that is signed before anything is sent.
        let accepted = match &by {
            Some(by) if hold.code == STORE_OLDER => self.trail.accept(by),
            _ => Ok(None),
        };
        match (accepted, &self.queue) {
            (Ok(accepted), Some(queue)) => {
                let _ = queue.send(Item::Release(Release { hold, by, accepted }, done));
            }
            (Err(error), _) => drop(done.send(Err(error))),
            (Ok(_), None) => {}
        }
        released
    }

    fn refused(&self, why: &'static str) {
        self.trail.refusals.note(why);
    }

    fn holds(&self) -> Local<Result<Vec<Hold>, StoreError>> {
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            Ok(link.query(waiting::HOLDS, &[]).await?.iter().map(waiting::read_hold).collect())
        })
    }

    fn oldest_held(&self, hold: &Hold) -> Local<Result<Option<Probe>, StoreError>> {
        let hold = hold.clone();
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let (tenant, queue, since) = (hold.tenant.as_str(), hold.queue.to_string(), time(hold.since));
            let rows = link.query(waiting::OLDEST_HELD, &[&tenant, &queue, &hold.code, &since]).await?;
            Ok(rows.first().map(waiting::read_probe))
        })
    }

    fn is_overtaken(&self, seq: Seq) -> Local<Result<bool, StoreError>> {
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(waiting::IS_OVERTAKEN, &[&seq]).await?;
            Ok(rows.first().is_some_and(|row| row.get(0)))
        })
    }

    fn prune(&self, after: Seq, before: Timestamp, limit: u32) -> Local<Result<Option<Pruned>, StoreError>> {
        let (time, limit) = (time(before), i64::from(limit));
        let before = seq_at(time);
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(statements::PRUNE, &[&after, &before, &limit, &time]).await?;
            Ok(rows.first().and_then(rows::pruned))
        })
    }

    fn lead(&self) -> Duration {
        self.shared.health.lead()
    }

    fn is_well(&self) -> bool {
        self.shared.health.is_well()
    }

    fn others(
        &self,
        tenant: &TenantName,
        customer: &CustomerId,
        before: Timestamp,
    ) -> Local<Result<Option<u32>, StoreError>> {
        let line = line::number(&[tenant.as_str(), customer.expose()]);
        let (from, to) = (seq_at(time(before - velocity::WINDOW)), seq_at(time(before)));
        ask(self.reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(statements::OTHERS, &[&line, &from, &to]).await?;
            Ok(rows.first().map(|row| u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX)))
        })
    }

    fn follow(&self, listener: Listener) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }
}
