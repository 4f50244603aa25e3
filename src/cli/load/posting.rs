//! Batches on their way to the gateway, one after the other, so that the file's order is the order of recording. Whatever
//! keeps the gateway from taking one is waited out.

use super::super::remote::{Answer, Gateway};
use super::super::shell::Failed;
use super::progress::{Counts, Place, Progress};
use super::reading::{Event, Source};
use super::screen::Screen;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::sleep;

/// No batch is longer, unless a single line is.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a batch may take.
const TIME_MAX: Duration = Duration::from_secs(300);
/// How long a gateway is left alone that takes nothing in; each further time is twice as long.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often is asked whether all is sent.
const LOOK: Duration = Duration::from_millis(500);

/// A load under way.
pub(super) struct Posting {
    gateway: Gateway,
    mode: &'static str,
    lines_max: usize,
    progress: Progress,
    screen: Screen,
    failures: File,
    failures_file: PathBuf,
}

/// Lines that are sent together.
#[derive(Default)]
struct Batch {
    body: Vec<u8>,
    /// Each one's line in the file.
    lines: Vec<u64>,
    /// What is wrong with those that are not sent.
    failures: Vec<Value>,
    next: Place,
}

impl Posting {
    pub(super) fn new(
        gateway: Gateway,
        (mode, lines_max): (&'static str, usize),
        progress: Progress,
        screen: Screen,
        failures_file: PathBuf,
    ) -> Result<Self, Failed> {
        let opened = || {
            let mut options = OpenOptions::new();
            let mut file = options.create(true).write(true).truncate(false).open(&failures_file)?;
            // What was written behind is about lines that are sent again.
            file.set_len(progress.failures())?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let failures = opened().map_err(|error: std::io::Error| {
            Failed::because(format!("{}: {error}", failures_file.display()))
        })?;
        Ok(Self { gateway, mode, lines_max, progress, screen, failures, failures_file })
    }

    /// Sends all that the file still holds.
    pub(super) async fn send(&mut self, mut source: Box<dyn Source>) -> Result<(), Failed> {
        let mut batch = Batch { next: self.progress.place(), ..Batch::default() };
        self.screen.show(self.progress.place().offset, &*self.progress.counts());
        while let Some(event) = source.next()? {
            let length = event.json.as_ref().map_or(0, Vec::len);
            let is_full = batch.lines.len() + batch.failures.len() >= self.lines_max;
            if is_full || batch.body.len() + length > BYTES_MAX {
                self.post(std::mem::take(&mut batch)).await?;
            }
            batch.add(event);
        }
        if batch.lines.is_empty() && batch.failures.is_empty() { Ok(()) } else { self.post(batch).await }
    }

    /// Waits until the gateway has sent all that it has taken in.
    pub(super) async fn wait(&mut self) -> Result<(), Failed> {
        // They leave in their order, more or less, so that the oldest tells about the others.
        while let Some(id) = self.progress.open_batches().first().cloned() {
            let document = self.look_up(&id).await?;
            if document["state"] == "DONE" {
                self.close(&id, &document);
                self.progress.note()?;
            } else {
                let others = self.progress.open_batches().len() - 1;
                self.screen.is_sent(number(&document, "queued"), others);
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Says what became of it all.
    pub(super) fn end(mut self, is_over_at_once: bool) -> Result<(), Failed> {
        let counts = *self.progress.counts();
        self.screen.end(&counts, &self.failures_file, !is_over_at_once)?;
        self.progress.remove();
        if counts.failed == 0 {
            // It was opened in case it is needed.
            let _ = std::fs::remove_file(&self.failures_file);
            return Ok(());
        }
        let (failed, file) = (counts.failed, self.failures_file.display());
        let lines = if failed == 1 { "line" } else { "lines" };
        Err(Failed::because(format!("{failed} {lines} could not be taken: {file} says why")))
    }

    async fn post(&mut self, batch: Batch) -> Result<(), Failed> {
        let mut told = batch.failures.clone();
        let mut counts = Counts {
            lines: (batch.lines.len() + batch.failures.len()) as u64,
            failed: batch.failures.len() as u64,
            ..Counts::default()
        };
        let mut id = None;
        if !batch.lines.is_empty() {
            let answer = self.insist(&batch.body).await?;
            let document = match answer.body["batchId"].as_str() {
                Some(batch_id) => {
                    id = Some(batch_id.to_owned());
                    self.look_up(batch_id).await?
                }
                None => answer.body,
            };
            counts.accepted = number(&document, "accepted");
            counts.duplicates = number(&document, "duplicates");
            counts.failed += number(&document, "failed");
            counts.batches = 1;
            told.extend(batch.told(&document));
        }
        let length = self.note_failures(&told)?;
        self.progress.counts().add(&counts);
        self.progress.open_batches().extend(id);
        self.progress.reach(batch.next, length)?;
        self.screen.show(batch.next.offset, &*self.progress.counts());
        self.close_the_oldest().await
    }

    /// Posts until the gateway takes it, or says that it never will.
    async fn insist(&self, body: &[u8]) -> Result<Answer, Failed> {
        let target = format!("/v1/batches?mode={}", self.mode);
        let mut wait = WAIT_FIRST;
        loop {
            let answer = self.gateway.try_call("POST", &target, Some((body, TIME_MAX))).await?;
            let (why, pause) = match answer {
                Some(answer) if matches!(answer.status.as_u16(), 202 | 422) => return Ok(answer),
                Some(answer) if is_passing(&answer) => (answer.why(), answer.retry_after),
                Some(answer) => return Err(Failed::because(answer.why())),
                None => ("the gateway can't be reached".to_owned(), None),
            };
            self.pause(&why, pause, &mut wait).await;
        }
    }

    async fn look_up(&self, id: &str) -> Result<Value, Failed> {
        let mut wait = WAIT_FIRST;
        loop {
            let answer = self.gateway.try_call("GET", &format!("/v1/batches/{id}"), None).await?;
            let (why, pause) = match answer {
                Some(answer) if answer.status.is_success() => return Ok(answer.body),
                Some(answer) if is_passing(&answer) => (answer.why(), answer.retry_after),
                Some(answer) => return Err(Failed::because(answer.why())),
                None => ("the gateway can't be reached".to_owned(), None),
            };
            self.pause(&why, pause, &mut wait).await;
        }
    }

    async fn pause(&self, why: &str, pause: Option<Duration>, wait: &mut Duration) {
        let pause = pause.map_or(*wait, |pause| pause.min(WAIT_MAX));
        self.screen.waits(why, pause);
        sleep(pause).await;
        *wait = (*wait * 2).min(WAIT_MAX);
    }

    /// So that only few are asked after at the end.
    async fn close_the_oldest(&mut self) -> Result<(), Failed> {
        if let Some(id) = self.progress.open_batches().first().cloned() {
            let document = self.look_up(&id).await?;
            if document["state"] == "DONE" {
                self.close(&id, &document);
            }
        }
        Ok(())
    }

    fn close(&mut self, id: &str, document: &Value) {
        self.progress.open_batches().retain(|open| open != id);
        let ends = Counts {
            settled: number(document, "settled"),
            parked: number(document, "parked"),
            discarded: number(document, "discarded"),
            ..Counts::default()
        };
        self.progress.counts().add(&ends);
    }

    /// On disk before the progress is. Answers how long the file is then.
    fn note_failures(&mut self, told: &[Value]) -> Result<u64, Failed> {
        let lines: String = told.iter().map(|failure| format!("{failure}\n")).collect();
        let written = self.failures.write_all(lines.as_bytes()).and_then(|()| {
            if !lines.is_empty() {
                self.failures.sync_data()?;
            }
            self.failures.stream_position()
        });
        written.map_err(|error| Failed::because(format!("{}: {error}", self.failures_file.display())))
    }
}

impl Batch {
    fn add(&mut self, event: Event) {
        self.next = event.next;
        match event.json {
            Ok(json) => {
                self.body.extend_from_slice(&json);
                self.body.push(b'\n');
                self.lines.push(event.line);
            }
            Err(why) => {
                let problem = "urn:xceed-gateway:problem:unreadable_line";
                let failure = json!({ "line": event.line, "eventId": null, "type": problem, "detail": why });
                self.failures.push(failure);
            }
        }
    }

    /// What the gateway says of its lines, by the file's lines.
    fn told(&self, document: &Value) -> Vec<Value> {
        let failures = document["failures"].as_array().cloned().unwrap_or_default();
        let of_the_file = |mut failure: Value| {
            let line = failure["line"].as_u64().and_then(|line| usize::try_from(line).ok());
            let line = line.and_then(|line| self.lines.get(line.checked_sub(1)?));
            failure["line"] = line.copied().into();
            failure
        };
        failures.into_iter().map(of_the_file).collect()
    }
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.lines += more.lines;
        self.accepted += more.accepted;
        self.duplicates += more.duplicates;
        self.failed += more.failed;
        self.batches += more.batches;
        self.settled += more.settled;
        self.parked += more.parked;
        self.discarded += more.discarded;
    }
}

/// Whether it may be taken another time.
fn is_passing(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

fn number(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap_or_default()
}
