//! A store that is open, and the verbs to write to it.

use crate::folder::Folder;
use crate::postgres::Database;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use xceed_gateway::application::ports::{
    Act, Batch, Late, Message, Mode, Place, Prepared, Push, PushEnd, Receipt, Record, Recorded, Resumption,
    Settlement, Store,
};
use xceed_gateway::domain::delivery::{Attempt, State};
use xceed_gateway::domain::event::{Facts, Tier, Traces};
use xceed_gateway::domain::field::Fingerprint;
use xceed_gateway::domain::going_back::{Back, Target, When};
use xceed_gateway::domain::identifiers::{CustomerId, EventId, TenantName};
use xceed_gateway::domain::policy::Verdict;
use xceed_gateway::store::{Opener, PlaceSettings, PostgresSettings, Settings, audit, entries, open};

/// A store, and what it lies in.
pub(crate) struct Open {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) home: Home,
}

/// Where a store lies; one may be opened again there.
pub(crate) struct Home {
    place: PlaceSettings,
    trail: PathBuf,
    // Removed with it.
    _folder: Folder,
    // Dropped after the store.
    _database: Option<Arc<Database>>,
}

/// The same of each store that this machine has.
pub(crate) fn each(test: impl Fn(Open)) {
    let folder = Folder::new();
    let file = folder.join("gateway.db");
    let trail = folder.path().to_owned();
    test(Home { place: PlaceSettings::Sqlite(file), trail, _folder: folder, _database: None }.open());
    if let Some(database) = Database::new() {
        test(gateway(&Arc::new(database)));
    }
}

/// One of many gateways on a database.
pub(crate) fn gateway(database: &Arc<Database>) -> Open {
    let (folder, place) = (Folder::new(), PostgresSettings::parse(&database.url()).expect("a URL"));
    let trail = folder.path().to_owned();
    let place = PlaceSettings::Postgres(Box::new(place));
    Home { place, trail, _folder: folder, _database: Some(database.clone()) }.open()
}

impl Home {
    pub(crate) fn open(self) -> Open {
        self.resume().0
    }

    fn settings(&self) -> Settings {
        let kept = Duration::from_hours(72);
        Settings {
            place: self.place.clone(),
            retention: kept,
            idempotency: kept,
            sealing: Default::default(),
        }
    }

    fn resume(self) -> (Open, Resumption) {
        let settings = self.settings();
        let opener = Opener { attempt: Duration::from_secs(5), now: now() };
        let opened = open(&settings, &audit::Settings::within(&self.trail), &opener).expect("a store");
        (Open { store: opened.store, home: self }, opened.resumption)
    }
}

impl Open {
    /// Closed and opened again, as a restart does.
    pub(crate) fn again(self) -> Self {
        drop(self.store);
        self.home.open()
    }

    /// The same, with what the start resumes.
    pub(crate) fn resumed(self) -> (Self, Resumption) {
        drop(self.store);
        self.home.resume()
    }

    /// Records an event.
    pub(crate) fn record(&self, record: Record) -> Recorded {
        done(self.store.record(record))
    }

    /// Tells a decision.
    pub(crate) fn tell(&self, seq: i64, words: &str) {
        assert_eq!(done(self.store.tell(seq, words.into())), None);
    }

    /// What is due, at once.
    pub(crate) fn claim(&self) -> Vec<Push> {
        read(self.store.pushes(now() + Duration::from_secs(1), 100, &[])).expect("it can be read")
    }

    /// A push has ended.
    pub(crate) fn end(&self, push: &Push, why: &'static str, state: State) {
        let (at, took) = (now(), Duration::from_millis(7));
        let end = PushEnd { id: push.id, fence: push.fence, at, took, why, left: true, state };
        done(self.store.pushed(end));
    }

    /// What the journal says behind a place, as soon as that is so much, and how far it was read. Elsewhere on the same
    /// server others write, and what is written after that waits for them.
    pub(crate) fn page(&self, after: &Place, count: usize) -> (Vec<Row>, Place) {
        for _ in 0..500 {
            let (rows, upto) = self.page_now(after);
            if rows.len() >= count {
                return (rows, upto);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the journal never says so much: {:?}", self.page_now(after));
    }

    /// The same, without waiting.
    pub(crate) fn page_now(&self, after: &Place) -> (Vec<Row>, Place) {
        let page = read(self.store.journal(&bank(), after.clone(), 100)).expect("it can be read");
        let each = page
            .entries
            .into_iter()
            .map(|entry| (entry.event_id, entry.kind.name(), String::from_utf8(entry.words).expect("UTF-8")));
        (each.collect(), page.upto)
    }

    pub(crate) fn operate(&self, id: i64, act: Act) -> bool {
        let receipt = self.store.operate_push(&bank(), id, act, Some("ops".to_owned()));
        receipt.blocking_recv().expect("a writer").is_ok()
    }

    /// The texts of the audit trail's entries.
    pub(crate) fn trail(&self) -> Vec<serde_json::Value> {
        let entries = entries(&self.home.settings()).expect("it can be read");
        entries
            .map(|entry| serde_json::from_str(&entry.expect("it can be read").body).expect("JSON"))
            .collect()
    }

    /// The audit trail fits together, and to its checkpoints.
    pub(crate) fn verify(&self) {
        let checkpoints = self.home.trail.join("audit.checkpoints");
        let checkpoints = audit::read_checkpoints(&checkpoints).expect("they can be read");
        let entries = entries(&self.home.settings()).expect("it can be read");
        let report = audit::verify(entries, &checkpoints, &[], false).expect("it can be read");
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }

    /// Takes out everything that is older than now.
    pub(crate) fn prune(&self) {
        let mut after = 0;
        while let Some(step) =
            read(self.store.prune(after, now() + Duration::from_hours(1), 100)).expect("it works")
        {
            after = step.upto;
        }
    }
}

/// An entry of the journal: event, kind, words.
pub(crate) type Row = (String, &'static str, String);

/// Waits until a write is on disk.
pub(crate) fn done<T>(receipt: Receipt<T>) -> T {
    receipt.blocking_recv().expect("a writer").expect("it can be written")
}

/// Waits for a read.
pub(crate) fn read<T>(reading: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(reading)
}

pub(crate) fn now() -> Timestamp {
    xceed_gateway::telemetry::now()
}

pub(crate) fn bank() -> TenantName {
    TenantName::new("bank")
}

/// A new event of the customer of that name, recorded now.
pub(crate) fn event(open: &Open, id: &str, mode: Mode) -> Record {
    let message = Message {
        event_id: EventId::parse(id).expect("an id"),
        channel: "Wire".into(),
        payload: "<Events/>".into(),
        response_required: true,
        callback_id: None,
    };
    let facts = Facts {
        event_type: "Login".to_owned(),
        customer: Some(CustomerId::new("C-1")),
        tier: Tier::Other,
        amount: None,
    };
    let traces = Traces { interaction: Some("i-1".to_owned()), ..Traces::default() };
    let prepared = Prepared { facts, traces, message, schema: "1.0".to_owned(), defaulted: vec![] };
    Record {
        seq: open.store.next_seq(),
        tenant: bank(),
        idempotency_key: None,
        fingerprint: Fingerprint([0; 32]),
        mode,
        received_at: now(),
        prepared: Arc::new(prepared),
        begun: false,
        told: None,
        decided: None,
        check: None,
        back: Back::default(),
        batch: None,
    }
}

/// The same event in another interaction.
pub(crate) fn within(record: Record, interaction: Option<&str>) -> Record {
    let mut prepared = (*record.prepared).clone();
    prepared.traces.interaction = interaction.map(str::to_owned);
    Record { prepared: Arc::new(prepared), ..record }
}

/// The same event, of whose decision these hear.
pub(crate) fn heard_by(record: Record, targets: &[(&str, When)]) -> Record {
    let target = |(name, when): &(&str, When)| Target::new(name, *when);
    Record { back: Back(targets.iter().map(target).collect()), ..record }
}

/// Xceed's answer, with what it says late.
pub(crate) fn settled(seq: i64, late: Option<Late>) -> Settlement {
    Settlement {
        seq,
        attempt: Attempt::InDoubt("for these tests all the same"),
        at: now(),
        took: Duration::from_millis(1),
        state: State::Settled,
        told: None,
        decided: None,
        late,
        promoted_key: None,
    }
}

pub(crate) fn late() -> Late {
    Late {
        verdict: Verdict::Block,
        risk_score: Some(95.into()),
        risk_action: None,
        return_code: "SUCCESS".to_owned(),
        at: now(),
    }
}

pub(crate) fn batch(id: &str) -> Batch {
    Batch {
        id: id.to_owned(),
        tenant: bank(),
        mode: Mode::Batch,
        received_at: now(),
        lines: 4,
        accepted: 3,
        duplicates: 0,
        failed: 1,
        failures: "[{\"line\":2}]".to_owned(),
    }
}
