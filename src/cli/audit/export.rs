//! `xceed-gateway audit export`: entries as lines that can be verified without the gateway, in flat memory.

use crate::cli::shell::{ConfigFile, Failed};
use crate::store::audit::Entry;
use crate::store::entries;
use clap::Args;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::io::{BufWriter, Write};

/// Prints entries as JSON lines, in the order of writing, each with its hash; the README says how to verify them
/// without the gateway.
///
/// Example:  xceed-gateway audit export --config gateway.toml --since 2026-11-01T00:00:00Z > trail.jsonl
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    config: ConfigFile,
    /// Entries from this time on.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Entries before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Entries about this event alone.
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// How to print entries: there is one way.
    #[arg(long, value_enum, default_value = "json")]
    output: Lines,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Lines {
    /// One JSON object for each line.
    Json,
}

impl Export {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Lines::Json = self.output;
        let config = self.config.read()?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        for entry in entries(&config.store).map_err(Failed::because)? {
            let entry = entry.map_err(Failed::because)?;
            let said: Said<'_> = serde_json::from_str(&entry.body).unwrap_or_default();
            if self.wants(&said) {
                // Whoever reads may leave, as `head` does.
                serde_json::to_writer(&mut out, &Line::of(&entry, &said)).map_err(|_| Failed(vec![]))?;
                out.write_all(b"\n").map_err(|_| Failed(vec![]))?;
            }
        }
        out.flush().map_err(|_| Failed(vec![]))
    }

    fn wants(&self, said: &Said<'_>) -> bool {
        let at = || said.timestamp.and_then(|text| text.get().trim_matches('"').parse::<Timestamp>().ok());
        let is_quoted =
            |text: &RawValue, id: &str| serde_json::from_str::<String>(text.get()).is_ok_and(|t| t == id);
        self.since.is_none_or(|since| at().is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| at().is_some_and(|at| at < until))
            && self.event.as_ref().is_none_or(|id| said.event_id.is_some_and(|text| is_quoted(text, id)))
    }
}

/// What an entry's text says, of what stands in a line of its own.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 's"))]
struct Said<'s> {
    interaction_id: Option<&'s RawValue>,
    transaction_id: Option<&'s RawValue>,
    risk_score: Option<&'s RawValue>,
    fraud_flag: Option<&'s RawValue>,
    timestamp: Option<&'s RawValue>,
    event_id: Option<&'s RawValue>,
    kind: Option<&'s RawValue>,
}

/// A line of the export. `body` is the very text that is hashed: what stands beside it is taken from there.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'e> {
    interaction_id: Option<&'e RawValue>,
    transaction_id: Option<&'e RawValue>,
    risk_score: Option<&'e RawValue>,
    fraud_flag: Option<&'e RawValue>,
    timestamp: Option<&'e RawValue>,
    kind: Option<&'e RawValue>,
    event_id: Option<&'e RawValue>,
    gateway: &'e str,
    n: i64,
    before: String,
    hash: String,
    body: &'e str,
}

impl<'e> Line<'e> {
    fn of(entry: &'e Entry, said: &Said<'e>) -> Self {
        Self {
            interaction_id: said.interaction_id,
            transaction_id: said.transaction_id,
            risk_score: said.risk_score,
            fraud_flag: said.fraud_flag,
            timestamp: said.timestamp,
            kind: said.kind,
            event_id: said.event_id,
            gateway: &entry.gateway,
            n: entry.n,
            before: hex::encode(entry.before),
            hash: hex::encode(entry.hash),
            body: &entry.body,
        }
    }
}
