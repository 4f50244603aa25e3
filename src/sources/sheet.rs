//! A TOML file that is read key by key, and every fault of it with file, line and key. Values are never repeated.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file, and what is wrong with it.
pub(super) struct Sheet<'t> {
    file: &'t str,
    text: &'t str,
    faults: Vec<(usize, String)>,
}

/// A key with its value.
pub(super) struct Entry<'d> {
    /// The key's path in the file.
    pub(super) key: String,
    /// The key alone.
    pub(super) name: &'d str,
    /// Where it stands.
    pub(super) at: Range<usize>,
    pub(super) value: &'d DeValue<'d>,
    inside: Range<usize>,
}

impl<'t> Sheet<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, faults: Vec::new() }
    }

    /// The whole as a table.
    pub(super) fn parse(&mut self) -> Option<Spanned<DeTable<'t>>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table),
            Err(error) => {
                let at = error.span().unwrap_or_default();
                let line = self.line(at.start);
                self.faults.push((line, format!("{}:{line}: is no TOML: {}", self.file, error.message())));
                None
            }
        }
    }

    pub(super) fn fault(&mut self, entry: &Entry<'_>, why: impl std::fmt::Display) {
        self.fault_at(entry.at.start, &entry.key, why);
    }

    /// A fault of a part of a value.
    pub(super) fn fault_at(&mut self, at: usize, key: &str, why: impl std::fmt::Display) {
        let line = self.line(at);
        self.faults.push((line, format!("{}:{line}: {key}: {why}", self.file)));
    }

    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    /// All faults, in the order of the file.
    pub(super) fn into_faults(mut self) -> Vec<String> {
        self.faults.sort_by_key(|(line, _)| *line);
        self.faults.into_iter().map(|(_, fault)| fault).collect()
    }

    /// Notes keys that are not among those that are known.
    pub(super) fn unknown(&mut self, entries: &[Entry<'_>], known: &[&str]) {
        for entry in entries.iter().filter(|entry| !known.contains(&entry.name)) {
            let near = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, entry.name));
            let hint = near.map(|near| format!("; the nearest known key is {near}")).unwrap_or_default();
            self.fault(entry, format!("is unknown{hint}"));
        }
    }

    pub(super) fn text(&mut self, entry: &Entry<'_>) -> Option<String> {
        let text = entry.value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(entry, "must be text in quotes");
        }
        text
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, entry: &Entry<'_>, words: &[(&str, T)]) -> Option<T> {
        let word = entry.value.as_str();
        let found = words.iter().find(|(known, _)| Some(*known) == word).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.fault(entry, format!("must be {}", words.join(" or ")));
        }
        found
    }

    /// A list of texts and where each stands, or a single one.
    pub(super) fn texts<'d>(&mut self, entry: &Entry<'d>) -> Option<Vec<(usize, &'d str)>> {
        let texts = match entry.value {
            DeValue::String(text) => Some(vec![(entry.inside.start, text.as_ref())]),
            DeValue::Array(items) => {
                items.iter().map(|item| Some((item.span().start, item.get_ref().as_str()?))).collect()
            }
            _ => None,
        };
        if texts.is_none() {
            self.fault(entry, "must be text in quotes, or a list of texts");
        }
        texts
    }

    /// The entries of a table.
    pub(super) fn table<'d>(&mut self, entry: &Entry<'d>) -> Vec<Entry<'d>> {
        match entry.value.as_table() {
            Some(table) => entries(table, &entry.key),
            None => {
                self.fault(entry, "must be a table: { … }");
                Vec::new()
            }
        }
    }
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'d>(table: &'d DeTable<'d>, above: &str) -> Vec<Entry<'d>> {
    let entry = |(key, value): (&'d Spanned<std::borrow::Cow<'d, str>>, &'d Spanned<DeValue<'d>>)| {
        let name = key.get_ref().as_ref();
        Entry {
            key: if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") },
            name,
            at: key.span(),
            value: value.get_ref(),
            inside: value.span(),
        }
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.at.start);
    entries
}
