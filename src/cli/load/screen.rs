//! What a load shows while it runs, where somebody looks on, and what it prints at its end.

use super::super::shell::{Failed, Output, say};
use super::progress::Counts;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// The bar: how far the file is, how fast, how long it takes still, and what failed.
const BAR: &str = "{bar:28} {percent:>3}%  {msg}  {elapsed_precise}, {eta} left";

/// What is shown.
pub(super) struct Screen {
    output: Output,
    bar: ProgressBar,
    begun: Instant,
    /// Lines that an earlier start has sent.
    before: Option<u64>,
}

impl Screen {
    pub(super) fn new(output: Output, size: u64) -> Self {
        // Hidden where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(5));
        bar.set_style(ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { output, bar, begun: Instant::now(), before: None }
    }

    pub(super) fn show(&mut self, offset: u64, counts: &Counts) {
        let before = *self.before.get_or_insert_with(|| {
            self.bar.reset_eta();
            counts.lines
        });
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let rate = (counts.lines - before) as f64 / seconds;
        self.bar.set_position(offset);
        let failed =
            if counts.failed > 0 { format!(", {} failed", HumanCount(counts.failed)) } else { String::new() };
        self.bar.set_message(format!("{} lines, {rate:.0}/s{failed}", HumanCount(counts.lines)));
    }

    pub(super) fn waits(&self, why: &str, wait: Duration) {
        self.bar.set_message(format!("{why}: again in {} s", wait.as_secs()));
    }

    pub(super) fn is_sent(&self, queued: u64, others: usize) {
        let queued = HumanCount(queued);
        self.bar.set_message(format!("all is taken in; to be sent: {queued} events, and {others} batches"));
    }

    pub(super) fn end(&self, counts: &Counts, failures: &Path, is_sent: bool) -> Result<(), Failed> {
        self.bar.finish_and_clear();
        let seconds = self.begun.elapsed().as_secs_f64();
        let failures = (counts.failed > 0).then(|| failures.display().to_string());
        if self.output == Output::Json {
            let mut told = serde_json::to_value(counts).unwrap_or_default();
            told["seconds"] = ((seconds * 1e3).round() / 1e3).into();
            told["failures"] = failures.into();
            return say(told);
        }
        let Counts { lines, accepted, duplicates, failed, settled, parked, discarded, .. } = *counts;
        say(format!(
            "{} lines: {} taken in, {} known before, {} failed, in {seconds:.1} s",
            HumanCount(lines),
            HumanCount(accepted),
            HumanCount(duplicates),
            HumanCount(failed),
        ))?;
        if is_sent {
            let (settled, parked) = (HumanCount(settled), HumanCount(parked));
            say(format!("at Xceed: {settled}, parked: {parked}, given up: {}", HumanCount(discarded)))?;
        }
        Ok(())
    }
}
