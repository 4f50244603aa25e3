//! One table of the configuration, read key by key. What is missing, of the wrong type or unknown is noted, and
//! reading goes on, so that everything wrong is told at once. Values are never repeated in an error.

use super::material::private;
use crate::secrets::Secret;
use crate::store::audit::KeySettings;
use ipnet::IpNet;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// What is wrong, and what has no effect.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) errors: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// Everything that was read beside the file itself.
    read: Sha256,
}

impl Problems {
    pub(super) fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    /// Notes what was read beside the file itself, so that a change of it is a change of the configuration.
    pub(super) fn has_read(&mut self, text: &[u8]) {
        self.read.update(text.len().to_be_bytes());
        self.read.update(text);
    }

    /// A fingerprint of all that was read, secrets too: never shown.
    pub(super) fn content(&self, settings: &str) -> [u8; 32] {
        self.read.clone().chain_update(settings).finalize().into()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }
}

/// A table and where it stands.
#[derive(Debug)]
pub(super) struct Section {
    path: String,
    table: Table,
    known: Vec<String>,
    from_environment: BTreeMap<String, String>,
}

/// The file's table with what the environment overrides, and the paths of that.
pub(super) struct Overridden {
    table: Table,
    from_environment: BTreeMap<String, String>,
}

/// Puts variables such as `XCEED_GATEWAY__TENANTS__FIRST_BANK__XCEED__URL` in the place of what the file says. Names
/// are compared without case, and `_` stands for `-` as well.
pub(super) fn override_by(
    mut table: Table,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Overridden {
    let mut from_environment = BTreeMap::new();
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(super::PREFIX) else { continue };
        let names: Vec<&str> = path.split("__").collect();
        if let Some(path) = put(&mut table, &names, &value) {
            from_environment.insert(path, value);
        }
    }
    Overridden { table, from_environment }
}

impl Overridden {
    /// Some of its tables as one text.
    pub(super) fn text_of(&self, keys: &[&str]) -> String {
        let kept = self.table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Table>().to_string()
    }

    /// All of it as one text, in the order of names.
    pub(super) fn text(&self) -> String {
        self.table.to_string()
    }
}

fn put(table: &mut Table, names: &[&str], value: &str) -> Option<String> {
    let (first, rest) = names.split_first()?;
    let same = |a: &str, b: &str| a.replace('-', "_").eq_ignore_ascii_case(&b.replace('-', "_"));
    let known = table.keys().find(|key| same(key, first)).cloned();
    let key = known.unwrap_or_else(|| first.to_ascii_lowercase());
    if rest.is_empty() {
        table.insert(key.clone(), Value::String(value.to_owned()));
        return Some(key);
    }
    let below = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
    put(below.as_table_mut()?, rest, value).map(|path| format!("{key}.{path}"))
}

impl Section {
    pub(super) fn root(overridden: Overridden) -> Self {
        let Overridden { table, from_environment } = overridden;
        Self { path: String::new(), table, known: Vec::new(), from_environment }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn fault(&self, key: &str, problems: &mut Problems, why: &str) {
        problems.error(format!("{}: {why}", self.path_of(key)));
    }

    /// A value; one from the environment is read as TOML, and as plain text where it is none.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        let value = self.table.get(key)?.clone();
        let Some(text) = self.from_environment.get(&self.path_of(key)) else { return Some(value) };
        let parsed = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
        Some(parsed.unwrap_or(value))
    }

    /// The text of a variable that overrides a key.
    fn variable(&self, key: &str) -> Option<&String> {
        self.from_environment.get(&self.path_of(key))
    }

    pub(super) fn section(&mut self, key: &str) -> Self {
        let table = match self.take(key) {
            Some(Value::Table(table)) => table,
            _ => Table::new(),
        };
        Self {
            path: self.path_of(key),
            table,
            known: Vec::new(),
            from_environment: self.from_environment.clone(),
        }
    }

    /// All tables below this one, by name.
    pub(super) fn sections(mut self) -> Vec<(String, Self)> {
        let names: Vec<String> = self.table.keys().cloned().collect();
        names.into_iter().map(|name| (name.clone(), self.section(&name))).collect()
    }

    /// The tables of an array.
    pub(super) fn list(&mut self, key: &str, problems: &mut Problems) -> Vec<Self> {
        let items = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(key, problems, "must be a list: [{ … }, { … }]");
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (n, item) in items.into_iter().enumerate() {
            let place = format!("{key}[{n}]");
            match item {
                Value::Table(table) => sections.push(Self {
                    path: self.path_of(&place),
                    table,
                    known: Vec::new(),
                    from_environment: BTreeMap::new(),
                }),
                _ => self.fault(&place, problems, "must be a table: { … }"),
            }
        }
        sections
    }

    pub(super) fn text(&mut self, key: &str, cure: &str, problems: &mut Problems) -> Option<String> {
        let found = self.optional_text(key, problems);
        if found.is_none() && !self.table.contains_key(key) {
            self.fault(key, problems, &format!("is missing: {cure}"));
        }
        found
    }

    pub(super) fn text_or(&mut self, key: &str, default: &str, problems: &mut Problems) -> String {
        self.optional_text(key, problems).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn optional_text(&mut self, key: &str, problems: &mut Problems) -> Option<String> {
        let found = self.take(key)?;
        match (self.variable(key), found) {
            (Some(text), _) => Some(text.clone()),
            (None, Value::String(text)) => Some(text),
            (None, _) => {
                self.fault(key, problems, "must be text in quotes");
                None
            }
        }
    }

    pub(super) fn integer_or(
        &mut self,
        key: &str,
        default: u64,
        range: RangeInclusive<u64>,
        problems: &mut Problems,
    ) -> u64 {
        let Some(value) = self.take(key) else { return default };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            let why = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.fault(key, problems, &why);
            default
        })
    }

    pub(super) fn boolean_or(&mut self, key: &str, default: bool, problems: &mut Problems) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Boolean(value)) => value,
            Some(_) => {
                self.fault(key, problems, "must be true or false");
                default
            }
        }
    }

    /// A decimal that is not negative, and not over the limit where there is one.
    pub(super) fn decimal(
        &mut self,
        key: &str,
        limit: Option<Decimal>,
        problems: &mut Problems,
    ) -> Option<Decimal> {
        let number = match self.take(key)? {
            Value::Integer(number) => Some(Decimal::from(number)),
            // The shortest text that reads back as the same float is what was written.
            Value::Float(number) => number.to_string().parse().ok(),
            _ => None,
        };
        let fits = |number: &Decimal| *number >= Decimal::ZERO && limit.is_none_or(|limit| *number <= limit);
        let number = number.filter(fits);
        if number.is_none() {
            let why = match limit {
                Some(limit) => format!("must be a number from 0 to {limit}"),
                None => "must be a number that is not negative".to_owned(),
            };
            self.fault(key, problems, &why);
        }
        number
    }

    pub(super) fn duration_or(
        &mut self,
        key: &str,
        default: Duration,
        range: RangeInclusive<Duration>,
        problems: &mut Problems,
    ) -> Duration {
        let Some(text) = self.optional_text(key, problems) else { return default };
        read_duration(&text).filter(|duration| range.contains(duration)).unwrap_or_else(|| {
            let (least, most) = (write_duration(*range.start()), write_duration(*range.end()));
            let why = format!(
                "must be a time from \"{least}\" to \"{most}\", such as \"{}\"",
                write_duration(default)
            );
            self.fault(key, problems, &why);
            default
        })
    }

    /// Texts by name.
    pub(super) fn texts(&mut self, key: &str, problems: &mut Problems) -> BTreeMap<String, String> {
        let mut section = self.section(key);
        let names: Vec<String> = section.table.keys().cloned().collect();
        let mut text = |name: String| section.optional_text(&name, problems).map(|text| (name, text));
        names.into_iter().filter_map(&mut text).collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A list of texts.
    pub(super) fn words(&mut self, key: &str, problems: &mut Problems) -> Option<Vec<String>> {
        let words = match self.take(key)? {
            Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if words.is_none() {
            self.fault(key, problems, "must be a list of texts: [\"…\", \"…\"]");
        }
        words
    }

    /// A list of networks.
    pub(super) fn networks(&mut self, key: &str, usual: &[&str], problems: &mut Problems) -> Vec<IpNet> {
        let words = if self.has(key) { self.words(key, problems) } else { None };
        let words = words.unwrap_or_else(|| usual.iter().map(|word| (*word).to_owned()).collect());
        // A single address is a network of one.
        let network = |word: &String| word.parse().or_else(|_| word.parse::<IpAddr>().map(IpNet::from)).ok();
        let rule = "must be a list of networks or addresses: [\"203.0.113.0/24\", \"2001:db8::7\"]";
        self.check(key, problems, rule, || words.iter().map(network).collect()).unwrap_or_default()
    }

    /// Where a secret comes from that is made where its file is missing.
    pub(super) fn secret_source(&mut self, key: &str, problems: &mut Problems) -> Option<KeySettings> {
        match self.take(key)? {
            Value::Table(source) if source.len() == 1 && source.get("file").is_some_and(Value::is_str) => {
                source.get("file").and_then(Value::as_str).map(|file| KeySettings::File(PathBuf::from(file)))
            }
            _ => self.secret(key, problems).map(KeySettings::Held),
        }
    }

    /// A secret from a file or from the environment; never from the TOML itself.
    pub(super) fn secret(&mut self, key: &str, problems: &mut Problems) -> Option<Secret> {
        let value = self.take(key)?;
        if let Some(text) = self.variable(key)
            && !text.trim_start().starts_with('{')
        {
            return Some(Secret::new(text.clone()));
        }
        let Value::Table(source) = value else {
            self.fault(key, problems, SECRET_CURE);
            return None;
        };
        let entry = |name: &str| source.get(name).and_then(Value::as_str);
        let read = match (entry("file"), entry("env"), source.len()) {
            (Some(file), None, 1) => private(Path::new(file)).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| "the file that it names is not UTF-8".to_owned())
            }),
            (None, Some(name), 1) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} that it names is not set")),
            _ => Err(SECRET_CURE.to_owned()),
        };
        match read {
            Ok(text) => {
                problems.has_read(text.as_bytes());
                Some(Secret::new(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
            }
            Err(why) => {
                self.fault(key, problems, &why);
                None
            }
        }
    }

    /// A secret that must be there.
    pub(super) fn required_secret(&mut self, key: &str, problems: &mut Problems) -> Option<Secret> {
        if !self.table.contains_key(key) {
            self.known.push(key.to_owned());
            self.fault(key, problems, &format!("is missing: it {SECRET_CURE}"));
        }
        self.secret(key, problems)
    }

    /// Notes a fault where the value does not pass.
    pub(super) fn check<T>(
        &self,
        key: &str,
        problems: &mut Problems,
        rule: &str,
        read: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        let value = read();
        if value.is_none() {
            self.fault(key, problems, rule);
        }
        value
    }

    /// Notes keys that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for key in self.table.keys().filter(|key| !self.known.contains(key)) {
            let near = self.known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, key));
            let hint = near.map(|near| format!("; the nearest known key is {near}")).unwrap_or_default();
            problems.error(format!("{}: is unknown{hint}", self.path_of(key)));
        }
    }
}

const SECRET_CURE: &str =
    "comes from a file or the environment: { file = \"/run/secrets/…\" } or { env = \"NAME\" }";

fn read_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    match &text[unit..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(60 * 60)?)),
        "d" => Some(Duration::from_secs(number.checked_mul(24 * 60 * 60)?)),
        _ => None,
    }
}

/// A time in the largest unit that it is a whole number of.
fn write_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", 24 * 60 * 60 * 1000), ("h", 60 * 60 * 1000), ("m", 60 * 1000), ("s", 1000)];
    let fits = |(_, size): &&(&str, u128)| millis >= *size && millis.is_multiple_of(*size);
    match units.iter().find(fits) {
        Some((unit, size)) => format!("{}{unit}", millis / size),
        None => format!("{millis}ms"),
    }
}
