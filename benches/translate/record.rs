//! Record and settle through the store, as a sync call does, with few and with many events in flight; beside it the
//! flush of the disk itself, in the same folder and run: what no store can beat with one event at a time.

use crate::desk::{Desk, EVENT};
use crate::measure::{Report, Samples};
use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use xceed_gateway::application::ports::{Mode, Prepared, Record, Settlement, Store};
use xceed_gateway::domain::delivery::{Attempt, State};
use xceed_gateway::domain::field::Fingerprint;
use xceed_gateway::domain::going_back::Back;
use xceed_gateway::domain::identifiers::{EventId, TenantName};
use xceed_gateway::http::{answer, json};
use xceed_gateway::store::{Sqlite, audit};

/// Flushes of the disk that are timed before the passes, and again behind them.
const FLUSHES: usize = 200;

pub(crate) fn measure(desk: &Desk, events: usize, report: &mut Report) {
    let folder = Folder::new();
    let before = disk(&folder.0);
    report.table(&[
        "record and settle, in flight",
        "us an event",
        "us CPU an event",
        "events/s",
        "events a flush",
    ]);
    for in_flight in [1, 32, 256] {
        // One at a time waits for the disk each time.
        let events = if in_flight == 1 { events / 10 } else { events };
        let pass = Pass::new(desk, &folder.0.join(format!("{in_flight}.db")));
        let (wall, cpu, flushes) = pass.run(in_flight, events);
        let each = wall.as_secs_f64() / events as f64;
        let cpu = cpu.as_secs_f64() / events as f64;
        report.row(in_flight.to_string(), &[each * 1e6, cpu * 1e6, 1.0 / each, events as f64 / flushes]);
    }
    report.table(&["the disk alone: 4 KiB and its flush", "us median", "us best", "us worst"]);
    for (name, samples) in [("before", before), ("behind", disk(&folder.0))] {
        report.row(name, &[samples.at(0.5), samples.at(0.0), samples.at(1.0)]);
    }
}

/// Microseconds of writing a page and flushing it.
fn disk(folder: &Path) -> Samples {
    let mut file = File::create(folder.join("page")).expect("a file");
    let page = [0x55; 4096];
    let mut flush = || {
        let begun = Instant::now();
        file.write_all(&page).and_then(|()| file.sync_data()).expect("a disk");
        begun.elapsed().as_secs_f64() * 1e6
    };
    Samples::of((0..FLUSHES).map(|_| flush()).collect())
}

/// What is recorded again and again, under new ids.
struct Pass {
    store: Sqlite,
    file: PathBuf,
    prepared: Prepared,
    fingerprint: Fingerprint,
    attempt: Attempt,
    told: Vec<u8>,
    tenant: TenantName,
    next: Cell<usize>,
}

impl Pass {
    fn new(desk: &Desk, file: &Path) -> Rc<Self> {
        let prepared = desk.prepared();
        Rc::new(Self {
            store: Sqlite::open(file, Duration::from_hours(72), &trail(file)).expect("a store"),
            file: file.to_owned(),
            fingerprint: json::read(EVENT).expect("JSON").fingerprint(),
            attempt: desk.attempt(),
            told: answer::words(&desk.answer(&prepared)),
            prepared,
            tenant: TenantName::new("bench"),
            next: Cell::new(0),
        })
    }

    /// Time on the wall, CPU, and flushes.
    fn run(self: Rc<Self>, in_flight: usize, events: usize) -> (Duration, Duration, f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let local = LocalSet::new();
        let (flushes, cpu, begun) = (self.transactions(), cpu_so_far(), Instant::now());
        for _ in 0..in_flight {
            local.spawn_local(self.clone().caller(events));
        }
        runtime.block_on(local);
        (begun.elapsed(), cpu_so_far() - cpu, f64::from(self.transactions() - flushes))
    }

    async fn caller(self: Rc<Self>, events: usize) {
        while self.next.get() < events {
            self.next.set(self.next.get() + 1);
            self.event(self.next.get()).await;
        }
    }

    async fn event(&self, n: usize) {
        let id = EventId::parse(&format!("{n:032x}")).expect("an id");
        let (seq, at) = (self.store.next_seq(), jiff::Timestamp::UNIX_EPOCH);
        let mut prepared = self.prepared.clone();
        prepared.message.event_id = id;
        let recorded = self.store.record(Record {
            seq,
            tenant: self.tenant.clone(),
            idempotency_key: None,
            fingerprint: self.fingerprint,
            mode: Mode::Sync,
            received_at: at,
            prepared: Arc::new(prepared),
            begun: false,
            told: None,
            decided: None,
            check: None,
            back: Back::default(),
            batch: None,
        });
        // A sync call does not wait for this one, only for the settlement.
        drop(recorded);
        let settled = self.store.settle(Settlement {
            seq,
            attempt: self.attempt.clone(),
            at,
            took: Duration::from_millis(1),
            state: State::Settled,
            told: Some(self.told.clone()),
            decided: None,
            late: None,
            promoted_key: None,
        });
        settled.await.expect("a writer").expect("a good settlement");
    }

    /// Transactions so far: the write-ahead log's index counts them in its 9th to 12th byte.
    fn transactions(&self) -> u32 {
        let mut name = self.file.clone().into_os_string();
        name.push("-shm");
        let mut count = [0; 4];
        let read = File::open(name).and_then(|mut index| {
            index.seek(SeekFrom::Start(8))?;
            index.read_exact(&mut count)
        });
        read.expect("a write-ahead log");
        u32::from_ne_bytes(count)
    }
}

/// Each store in the folder has a trail of its own.
fn trail(file: &Path) -> audit::Settings {
    let folder = file.with_extension("audit");
    std::fs::create_dir_all(&folder).expect("a folder");
    audit::Settings::within(&folder)
}

/// CPU time of this process so far, all threads: user and system ticks of 10 ms.
fn cpu_so_far() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A folder on the disk that the build is on, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
