//! A gateway's own trail while it runs: its key, its checkpoints, and how far its chain is on disk.

use super::Settings;
use super::chain::{Entry, Hash, Head};
use super::checkpoint::{Accepted, Checkpoint, Checkpoints, Other};
use super::key::Key;
use super::pen::Pen;
use super::refusals::Refusals;
use super::standing::{Doubt, Standing};
use super::witness::{self, Witness};
use crate::application::ports::StoreError;
use crate::telemetry::{self, metrics};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a checkpoint is written, where the chain has grown.
const EVERY: Duration = Duration::from_secs(1);

/// A gateway's own trail.
pub struct Trail {
    key: Key,
    configuration: String,
    /// What was signed before this start.
    checkpoints: Checkpoints,
    /// How far the chain is on disk.
    durable: Mutex<Head>,
    signing: Mutex<Signing>,
    /// Callbacks that were refused and are not recorded yet.
    pub refusals: Refusals,
}

struct Signing {
    witness: Witness,
    standing: Standing,
    /// The chain that is in doubt, where it is another gateway's.
    other: Option<Other>,
    signed: Head,
    is_failing: bool,
}

impl Trail {
    /// Opens the key and the file of the checkpoints, and makes them where they are missing.
    ///
    /// # Errors
    /// One of them can't be made or read, or another gateway has it.
    pub fn open(settings: &Settings) -> Result<Self, StoreError> {
        let key = Key::open(&settings.signing_key).map_err(StoreError)?;
        let witness = Witness::open(&settings.checkpoints).map_err(StoreError)?;
        let checkpoints =
            witness::read(&settings.checkpoints).map_err(|error| StoreError(error.to_string()))?;
        for (line, why) in &checkpoints.faults {
            tracing::error!(line, why, "a line of the checkpoints can't be believed");
        }
        let own = checkpoints.of(key.gateway(), &[]);
        let signed = own.last().unwrap_or(Head::START);
        let signing = Signing { witness, standing: Standing::New, other: None, signed, is_failing: false };
        Ok(Self {
            key,
            configuration: settings.configuration.clone(),
            checkpoints,
            durable: Mutex::new(Head::START),
            signing: Mutex::new(signing),
            refusals: Refusals::default(),
        })
    }

    /// The gateway's name.
    pub fn gateway(&self) -> &str {
        self.key.gateway()
    }

    /// Makes entries, from the end of the chain on.
    pub fn pen(&self, head: Head) -> Pen<'_> {
        Pen::new(&self.key, head, telemetry::now())
    }

    /// Holds a store's chains against what was signed, before anything is written: its own, and where another gateway
    /// wrote to the store last, which alone writes to it, that one's. `hash_at` looks an entry up.
    ///
    /// # Errors
    /// The look-up fails, or a new trail's first checkpoint can't be written.
    pub fn meet(
        &self,
        head: Head,
        other: Option<(String, Head)>,
        mut hash_at: impl FnMut(&str, i64) -> Result<Option<Hash>, StoreError>,
    ) -> Result<Standing, StoreError> {
        let believed = [self.gateway().to_owned()];
        let mut look = |gateway: &str, head| {
            let holding = self.checkpoints.of(gateway, &believed);
            let standing = Standing::of(&holding, head, |n| hash_at(gateway, n))?;
            let is_taken = matches!(standing, Standing::Unsigned(_)) && head.n <= holding.taken;
            Ok::<_, StoreError>(if is_taken { Standing::Good } else { standing })
        };
        let own = look(self.gateway(), head)?;
        let before = other.as_ref().map(|(gateway, head)| look(gateway, *head)).transpose()?;
        let mut signing = self.signing();
        let is_new = own == Standing::New;
        let standing = before.filter(|before| before.doubt().is_some() && own.doubt().is_none());
        signing.other =
            other.filter(|_| standing.is_some()).map(|(gateway, head)| Other { gateway, n: head.n });
        let standing = standing.unwrap_or(own);
        signing.standing = standing.clone();
        // Before the first entry, so that from then on a trail without checkpoints is one that lost them.
        if is_new {
            let line = Checkpoint::signed(&self.key, Head::START, telemetry::now(), None);
            signing.witness.append(&line).map_err(|error| unwritten(&error))?;
        }
        if let Some(doubt) = standing.in_words() {
            tracing::error!(
                doubt,
                "nothing is sent until an operator decides: POST /v1/held/all/resume, for each tenant"
            );
        }
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = head;
        Ok(standing)
    }

    /// The entry that a start is, with the pen that makes it.
    pub fn start(&self, pen: &mut Pen<'_>) -> Entry {
        pen.start(env!("CARGO_PKG_VERSION"), &self.configuration, &self.signing().standing)
    }

    /// The chain is on disk up to here: only what a power cut would not take away.
    pub fn is_durable(&self, head: Head) {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    /// Why the store is not the one that was signed, in words, as long as no operator has decided.
    pub fn doubt(&self) -> Option<String> {
        self.signing().standing.in_words()
    }

    /// An operator takes the store as it is. That is signed before it is recorded; `None` where nobody doubts it.
    ///
    /// # Errors
    /// It can't be signed and written.
    pub fn accept(&self, by: &str) -> Result<Option<Doubt>, StoreError> {
        let mut signing = self.signing();
        let Some(doubt) = signing.standing.doubt() else { return Ok(None) };
        let head = self.durable_head();
        let other = signing.other.take();
        let accepted = Accepted { by: by.to_owned(), since: doubt.since, over: doubt.signed, other };
        let line = Checkpoint::signed(&self.key, head, telemetry::now(), Some(accepted));
        signing.witness.append(&line).map_err(|error| unwritten(&error))?;
        signing.signed = head;
        signing.standing = Standing::Good;
        Ok(Some(doubt))
    }

    /// Writes a checkpoint where the chain has grown since the last one and the store is not in doubt.
    ///
    /// # Errors
    /// It can't be written; what grew meanwhile is covered by the next one.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let mut signing = self.signing();
        let head = self.durable_head();
        if signing.standing.doubt().is_some() {
            return Ok(());
        }
        if head.n <= signing.signed.n {
            metrics::SIGNED_AT.now();
            return Ok(());
        }
        let line = Checkpoint::signed(&self.key, head, telemetry::now(), None);
        signing.witness.append(&line).map_err(|error| unwritten(&error))?;
        signing.signed = head;
        metrics::SIGNED_AT.now();
        Ok(())
    }

    /// Writes checkpoints until it is told to stop, and hands over every second what is to be recorded then.
    pub fn watch(&self, stopped: &Receiver<()>, mut each_second: impl FnMut()) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
            each_second();
            let written = self.checkpoint();
            let mut signing = self.signing();
            match (&written, signing.is_failing) {
                (Err(error), false) => tracing::error!(%error, "the audit trail grows without checkpoints"),
                (Ok(()), true) => tracing::info!("checkpoints are written again"),
                _ => {}
            }
            signing.is_failing = written.is_err();
        }
        each_second();
    }

    fn durable_head(&self) -> Head {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signing(&self) -> MutexGuard<'_, Signing> {
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritten(error: &std::io::Error) -> StoreError {
    StoreError(format!("a checkpoint of the audit trail can't be written ({error})"))
}
