//! What a proof is asked for, and what it found.

use crate::measure::{Arguments, machine};
use std::fmt::{Display, Write};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Faults that are told in full; the rest is counted.
const TOLD_MAX: usize = 20;

/// How a proof is to be run.
pub(crate) struct Request {
    arguments: Arguments,
    long: bool,
    seed: u64,
}

impl Request {
    pub(crate) fn new(arguments: Arguments, long: bool) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = arguments.get("--seed", since.as_micros() as u64 % 1_000_000);
        Self { arguments, long, seed }
    }

    pub(crate) fn is_long(&self) -> bool {
        self.long
    }

    /// What the way to the gateway and back may add to a deadline, beside what the machine itself holds up. The short form runs
    /// beside all other suites.
    pub(crate) fn slack(&self) -> Duration {
        Duration::from_millis(if self.long { 100 } else { 500 })
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// What was asked for, else what is usual in this form.
    pub(crate) fn get<T: FromStr>(&self, name: &str, short: T, long: T) -> T {
        self.arguments.get(name, if self.long { long } else { short })
    }

    /// Adds the results to the file that was named.
    pub(crate) fn keep(&self, found: &Findings, took: Duration) {
        let file: String = self.arguments.get("--report", String::new());
        if file.is_empty() {
            return;
        }
        let text = format!("\n{}", found.markdown(self, took));
        let opened = OpenOptions::new().create(true).append(true).open(&file);
        if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            eprintln!("{file}: can't be written ({error})");
        }
    }
}

/// What a proof found.
pub(crate) struct Findings {
    title: String,
    facts: Vec<(String, String)>,
    faults: Vec<String>,
    uncounted: usize,
    silent: bool,
    skipped: Option<String>,
}

impl Findings {
    /// For what is expected to find something.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::new("") }
    }

    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            facts: Vec::new(),
            faults: Vec::new(),
            uncounted: 0,
            silent: false,
            skipped: None,
        }
    }

    /// For what this machine can't show.
    pub(crate) fn skipped(title: impl Into<String>, why: &str) -> Self {
        Self { skipped: Some(why.to_owned()), ..Self::new(title) }
    }

    pub(crate) fn fact(&mut self, name: &str, value: impl Display) {
        self.facts.push((name.to_owned(), value.to_string()));
    }

    /// Something that must not be.
    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        if self.faults.len() < TOLD_MAX {
            let what = what.into();
            if !self.silent {
                println!("  FAULT: {what}");
            }
            self.faults.push(what);
        } else {
            self.uncounted += 1;
        }
    }

    pub(crate) fn must(&mut self, holds: bool, else_what: impl FnOnce() -> String) {
        if !holds {
            self.fault(else_what());
        }
    }

    pub(crate) fn faults(&self) -> usize {
        self.faults.len() + self.uncounted
    }

    pub(crate) fn held(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn markdown(&self, request: &Request, took: Duration) -> String {
        let mut text = format!("## {}\n\n", self.title);
        let mut words: Vec<String> = std::env::args().skip(1).collect();
        // Where it is written to is nobody's business.
        if let Some(at) = words.iter().position(|word| word == "--report") {
            words.drain(at..(at + 2).min(words.len()));
        }
        let command = ["cargo test --release --locked --test proof --", &words.join(" ")].join(" ");
        let command = command.trim_end_matches([' ', '-']);
        let day = jiff::Timestamp::now().strftime("%F");
        let _ = writeln!(text, "`{command}`  \n{day}, seed {}, {}\n", request.seed, machine());
        text.push_str("| what | found |\n| --- | --- |\n");
        for (name, value) in &self.facts {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        let _ = writeln!(text, "| time in all | {:.0} s |", took.as_secs_f64());
        let verdict = match &self.skipped {
            Some(why) => format!("skipped: {why}"),
            None if self.held() => "held".to_owned(),
            None => format!("**{} faults**", self.faults()),
        };
        let _ = writeln!(text, "| verdict | {verdict} |");
        for fault in &self.faults {
            let _ = writeln!(text, "\n- {fault}");
        }
        text
    }
}
