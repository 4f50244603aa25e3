//! How values lie in rows: times as microseconds, lists with a separator that no XML text can hold.

use crate::application::ports::{Mode, StoreError};
use crate::domain::event::Tier;
use crate::domain::policy::Verdict;
use jiff::Timestamp;

const SEPARATOR: &str = "\u{1f}";

pub(super) fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError(error.to_string())
}

pub(super) fn time(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(super) fn read_time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

pub(super) fn join(items: &[String]) -> String {
    items.join(SEPARATOR)
}

pub(super) fn split(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split(SEPARATOR).map(str::to_owned).collect() }
}

pub(super) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::New => "new",
        Tier::Premium => "premium",
        Tier::Other => "other",
    }
}

pub(super) fn read_tier(word: &str) -> Tier {
    match word {
        "new" => Tier::New,
        "premium" => Tier::Premium,
        _ => Tier::Other,
    }
}

pub(super) fn read_mode(word: &str) -> Mode {
    Mode::parse(word).unwrap_or(Mode::Sync)
}

pub(super) fn read_verdict(word: &str) -> Verdict {
    Verdict::ALL.into_iter().find(|verdict| verdict.name() == word).unwrap_or(Verdict::Review)
}
