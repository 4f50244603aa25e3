//! The writer: takes all that is queued into one transaction, commits once, and wakes those who wait. It holds the lock
//! that says that this gateway runs, connects again by itself, and says meanwhile that nothing can be recorded.

use super::batches::BATCH;
use super::command::{Command, Item, Release, Write};
use super::entries;
use super::going_back::{FREE, GOING, PUSHED, PUSHING, SEND_BACK, WRITE_DOWN};
use super::journal::MEND;
use super::link::{Link, PATIENCE, answer};
use super::news::News;
use super::schema;
use super::shared::Shared;
use super::standing::Changes;
use super::statements::{CLOCK, OF_THE_WRITER};
use super::transaction::{Author, Committed, Failure, commit};
use super::waiting::{ADOPT, LEAVE, RELEASE, read_waiting};
use super::written::note;
use crate::application::ports::{Seq, StoreError, Waiting};
use crate::store::audit::{Head, Trail};
use crate::store::rows::time;
use crate::telemetry::metrics;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::ToSql;

/// Writes that share a transaction at most: each holds a lock, of which the database has some thousands.
const BATCH_MAX: usize = 256;
/// How often a writer with nothing to do asks whether the database is there.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How long writes wait for a connection that was lost, before they fail.
const HOLD_MAX: Duration = Duration::from_secs(1);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the database may take to notice that the process that ran before is gone.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How long a delivery that was taken over is this gateway's before an attempt begins; in microseconds.
pub(super) const ADOPTED: i64 = 60_000_000;
/// Two gateways that are in each other's way try so often.
const TRIES: usize = 5;

/// The writer.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: UnboundedReceiver<Item>,
    pub(super) link: Link,
    pub(super) author: Author,
    /// The fences under which this gateway has deliveries, where they are not the first.
    pub(super) fences: HashMap<Seq, i64>,
    /// Where the audit trail is, and where it ends in the database.
    pub(super) trail: Arc<Trail>,
    pub(super) head: Head,
    /// Where it ended with the last commit that lasts, whatever becomes of the database.
    pub(super) lasting: Head,
    /// What other gateways are told.
    pub(super) news: UnboundedSender<Vec<String>>,
    /// What came while there was no connection.
    pub(super) held: Vec<Item>,
}

impl Writer {
    /// Writes until all senders are gone.
    pub(super) async fn run(mut self) {
        loop {
            if self.link.is_closed() && !self.reconnect().await {
                return;
            }
            let item = match self.held.is_empty() {
                false => Ok(Some(self.held.remove(0))),
                true => timeout(PROBE_EVERY, self.queue.recv()).await,
            };
            match item {
                Ok(Some(Item::Write(first))) => self.carry_out(first).await,
                Ok(Some(Item::Adopt(done))) => {
                    let _ = done.send(self.adopt().await);
                }
                Ok(Some(Item::Release(release, done))) => {
                    let _ = done.send(self.release(&release).await);
                }
                Ok(None) => return self.leave().await,
                Err(_) => match schema::instance(&self.link).await {
                    Ok(now) if self.shared.instance.get() == Some(&now) => self.shared.health.recovered(),
                    // A new connection finds out.
                    _ => self.link.give_up(),
                },
            }
        }
    }

    /// What this gateway has not sent is free for others at once. Where this fails they wait until the lease is over.
    async fn leave(&self) {
        let values: [&(dyn ToSql + Sync); 1] = [&self.author.me];
        let _ = answer(&self.link, self.link.query(LEAVE, &values)).await;
    }

    async fn carry_out(&mut self, first: Command) {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            match self.held.is_empty() {
                false => match self.held.remove(0) {
                    Item::Write(next) => batch.push(next),
                    other => {
                        self.held.insert(0, other);
                        break;
                    }
                },
                true => match self.queue.try_recv() {
                    Ok(Item::Write(next)) => batch.push(next),
                    Ok(other) => {
                        self.held.push(other);
                        break;
                    }
                    Err(_) => break,
                },
            }
        }
        let writes: Vec<&Write> = batch.iter().map(|command| &command.write).collect();
        match self.commit(&writes).await {
            Ok(committed) => self.tell(batch, committed),
            Err(Failure::Value(_)) if batch.len() > 1 => {
                for command in batch {
                    match self.commit(&[&command.write]).await {
                        Ok(committed) => self.tell(vec![command], committed),
                        Err(failure) => command.waiter.hear(Err(failure.into())),
                    }
                }
            }
            Err(failure) => {
                let error: StoreError = failure.into();
                batch.into_iter().for_each(|command| command.waiter.hear(Err(error.clone())));
            }
        }
    }

    async fn commit(&mut self, writes: &[&Write]) -> Result<Committed, Failure> {
        let started = Instant::now();
        let trail = self.trail.clone();
        for _ in 0..TRIES {
            let committed = timeout(
                PATIENCE,
                commit(&self.link, self.author, writes, &self.fences, trail.pen(self.head)),
            )
            .await;
            let failure = match committed {
                Ok(Ok(committed)) => {
                    self.head = committed.head;
                    if committed.lasts {
                        self.lasts();
                        metrics::COMMIT_WRITES.observe(&[], writes.len() as f64);
                        self.shared.health.committed(started.elapsed());
                    } else {
                        self.shared.health.recovered();
                    }
                    return Ok(committed);
                }
                Ok(Err(Failure::Again)) => continue,
                Ok(Err(failure)) => failure,
                Err(_) => {
                    // What the transaction came to is not known; the connection is never used again.
                    self.link.give_up();
                    Failure::Store(StoreError("the database does not answer".to_owned()))
                }
            };
            if let Failure::Store(error) = &failure {
                self.lost(error);
                // Whatever it is, a new connection finds out whether the store is still there.
                self.link.give_up();
            }
            return Err(failure);
        }
        Err(Failure::Again)
    }

    /// All that is committed stays, whatever becomes of the database.
    fn lasts(&mut self) {
        self.lasting = self.head;
        self.trail.is_durable(self.head);
    }

    fn tell(&mut self, batch: Vec<Command>, committed: Committed) {
        let Committed { outcomes, mut changes, highest, .. } = committed;
        std::mem::take(&mut changes.tally).count();
        self.shared.saw(highest);
        self.remember(&changes);
        for (command, outcome) in batch.into_iter().zip(outcomes) {
            command.waiter.hear(Ok(outcome));
        }
        if !changes.news.is_empty() && self.shared.has_company() {
            let _ = self.news.send(changes.news.iter().map(News::text).collect());
        }
    }

    fn remember(&mut self, changes: &Changes) {
        for (seq, fence) in &changes.taken {
            self.fences.insert(*seq, *fence);
        }
        for seq in &changes.done {
            self.fences.remove(seq);
        }
    }

    /// Takes over what gateways have left that are gone.
    async fn adopt(&mut self) -> Result<Vec<Waiting>, StoreError> {
        let values: [&(dyn ToSql + Sync); 2] = [&self.author.me, &ADOPTED];
        let rows = answer(&self.link, self.link.query(ADOPT, &values)).await?;
        if !rows.is_empty() {
            tracing::info!(deliveries = rows.len(), "taken over from a gateway that is gone");
        }
        for row in &rows {
            self.fences.insert(row.get(0), row.get(6));
        }
        Ok(rows.iter().map(read_waiting).collect())
    }

    /// Ends a hold, and queues again what was parked for it.
    async fn release(&mut self, release: &Release) -> Result<Vec<Waiting>, StoreError> {
        let Release { hold, by, accepted } = release;
        let (tenant, queue, since) = (hold.tenant.as_str(), hold.queue.to_string(), time(hold.since));
        let trail = self.trail.clone();
        let mut pen = trail.pen(self.head);
        let mut entries = Vec::new();
        if let (Some(doubt), Some(by)) = (accepted, by) {
            entries.push(pen.restored(*doubt, by));
        }
        entries.push(pen.resume(tenant, &queue, &hold.code, by.as_deref()));
        let values: [&(dyn ToSql + Sync); 6] =
            [&tenant, &queue, &hold.code, &since, &self.author.me, &ADOPTED];
        let link = &self.link;
        let released = answer(link, async {
            let (begun, rows, noted, committed) = tokio::join!(
                biased;
                link.client.batch_execute("BEGIN"),
                link.query(RELEASE, &values),
                note(link, &entries),
                link.client.batch_execute("COMMIT"),
            );
            begun?;
            noted?;
            committed?;
            rows
        });
        let rows = match released.await {
            Ok(rows) => rows,
            Err(error) => {
                // A new connection begins where the trail ends.
                self.link.give_up();
                return Err(error);
            }
        };
        self.head = pen.head();
        self.lasts();
        for row in &rows {
            self.fences.insert(row.get(0), row.get(6));
        }
        Ok(rows.iter().map(read_waiting).collect())
    }

    fn lost(&self, error: &StoreError) {
        self.shared.health.failed(error);
    }

    /// Connects again. `false` where nobody writes any more.
    async fn reconnect(&mut self) -> bool {
        let lost = Instant::now();
        let mut said = String::new();
        loop {
            let (shared, before, lasting) = (self.shared.clone(), self.link.pid, self.lasting);
            let mut trying = pin!(async move {
                let linked = ready(&shared, before, lasting).await;
                if linked.is_err() {
                    sleep(PAUSE).await;
                }
                linked
            });
            let linked = loop {
                tokio::select! {
                    biased;
                    linked = &mut trying => break linked,
                    item = self.queue.recv() => match item {
                        Some(item) => self.held.push(item),
                        None => return false,
                    },
                    () = sleep(HOLD_MAX.saturating_sub(lost.elapsed())), if !self.held.is_empty() => {
                        let error = StoreError("the database is not there".to_owned());
                        self.held.drain(..).for_each(|item| item.fail(&error));
                    }
                }
            };
            match linked {
                Ok((link, head)) => {
                    (self.link, self.head) = (link, head);
                    return true;
                }
                Err(error) => {
                    self.lost(&error);
                    if error.0 != said {
                        tracing::error!(%error, "the database can't be used; it is tried again and again");
                        said = error.0;
                    }
                }
            }
        }
    }
}

/// A connection for the writer, after one that was lost.
async fn ready(shared: &Shared, before: i32, lasting: Head) -> Result<(Link, Head), StoreError> {
    let (link, _) = shared.link().await?;
    schema::unlock(&link, &shared.identity, before).await?;
    if !schema::lock(&link, &shared.identity).await? {
        return Err(StoreError(
            "the database still holds the lock of this gateway's lost connection".to_owned(),
        ));
    }
    let head = entries::head(&link, &shared.identity).await?;
    let there = entries::hash_at(&link, &shared.identity, lasting.n).await?;
    if lasting.n > 0 && there != Some(lasting.hash) {
        return Err(StoreError(format!(
            "{} is older than what was committed: entry {} of the audit trail is not there any more. Nothing is \
             recorded there. Bring the newer one back, or start the gateway anew and decide what is to be sent",
            shared.settings, lasting.n
        )));
    }
    prepare(&link).await?;
    Ok((link, head))
}

/// The first connection: waits until the process that ran before is gone for the database too.
pub(super) async fn first(shared: &Shared) -> Result<Link, StoreError> {
    let (link, _) = shared.link().await?;
    schema::migrate(&link, &shared.settings).await?;
    let _ = shared.instance.set(schema::instance(&link).await?);
    let _ = shared.number.set(schema::number(&link, &shared.identity).await?);
    let asked = Instant::now();
    while !schema::lock(&link, &shared.identity).await? {
        if asked.elapsed() > LOCK_PATIENCE {
            return Err(StoreError(format!(
                "{}: another gateway with this one's identity uses this store; stop it, or give this one an audit \
                 key of its own",
                shared.settings
            )));
        }
        sleep(PAUSE).await;
    }
    prepare(&link).await?;
    // What this gateway had claimed before it ended is free at once.
    let number = shared.number.get().copied().unwrap_or_default();
    answer(&link, link.query(FREE, &[&number])).await?;
    answer(&link, link.query(MEND, &[])).await?;
    let clock = answer(&link, link.query(CLOCK, &[])).await?;
    shared.saw(clock.first().map_or(0, |row| row.get(1)));
    Ok(link)
}

async fn prepare(link: &Link) -> Result<(), StoreError> {
    let back = [GOING, WRITE_DOWN, SEND_BACK, PUSHED, PUSHING, BATCH];
    for sql in OF_THE_WRITER.into_iter().chain([RELEASE]).chain(back) {
        answer(link, link.prepare(sql)).await?;
    }
    Ok(())
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Again => Self("gateways are in each other's way".to_owned()),
            Failure::Value(error) | Failure::Store(error) => error,
        }
    }
}
