//! A source's file, compiled: everything that is wrong with it at once, each with its line and key, and what to write
//! instead.

use super::feed::{As, Constant, Feed};
use super::path::Path;
use super::settings::SourceSettings;
use super::sheet::{Entry, Sheet, entries};
use super::{Form, Member, Push, Source};
use crate::domain::event::{Members, Shape};
use crate::domain::going_back::When;
use rust_decimal::Decimal;
use std::time::Duration;
use toml::de::DeValue;

/// The longest that a call waits, and a decision behind it.
const DEADLINE_MAX: Duration = Duration::from_secs(5);
const DEADLINE_MIN: Duration = Duration::from_millis(10);
/// The most members that one source feeds.
const FIELDS_MAX: usize = 200;

const KEYS: [&str; 10] = [
    "event_type",
    "answer",
    "deadline",
    "mode",
    "high_risk_above",
    "correlation_header",
    "volatile",
    "require",
    "fields",
    "push",
];
const FEED_KEYS: [&str; 5] = ["path", "as", "words", "default", "value"];
const FEED_CURE: &str =
    "must be a path such as \"$.caller.id\", a list of paths, or { path, as, words, default } or { value }";

/// Compiles a source for a tenant whose events may have these members.
///
/// # Errors
/// All that is wrong.
pub(super) fn compile(settings: &SourceSettings, members: &Members) -> Result<Source, Vec<String>> {
    let mut sheet = Sheet::new(&settings.file, &settings.text);
    let Some(table) = sheet.parse() else { return Err(sheet.into_faults()) };
    let entries = entries(table.get_ref(), "");
    sheet.unknown(&entries, &KEYS);
    let mut source = Source::empty(&settings.name);
    let mut compiler = Compiler { sheet, members };
    for entry in &entries {
        compiler.take(entry, &mut source);
    }
    let mut sheet = compiler.sheet;
    if source.event_type.paths.is_empty() && source.event_type.otherwise.is_none() {
        sheet.fault_at(
            0,
            "event_type",
            "is missing: a path such as \"$.kind\", or a constant such as \"Login\"",
        );
    }
    if !entries.iter().any(|entry| entry.name == "fields") {
        sheet.fault_at(
            0,
            "fields",
            "is missing: a [fields] with lines such as \"customer.id\" = \"$.caller.id\"",
        );
    }
    let faults = sheet.into_faults();
    if faults.is_empty() { Ok(source) } else { Err(faults) }
}

struct Compiler<'t> {
    sheet: Sheet<'t>,
    members: &'t Members,
}

impl Compiler<'_> {
    fn take(&mut self, entry: &Entry<'_>, source: &mut Source) {
        let sheet = &mut self.sheet;
        match entry.name {
            "event_type" => source.event_type = self.event_type(entry),
            "answer" => {
                let forms = [("flat", Form::Flat), ("full", Form::Full)];
                source.form = sheet.word(entry, &forms).unwrap_or(source.form);
            }
            "mode" => {
                let modes = [("sync", false), ("deferred", true)];
                source.deferred = sheet.word(entry, &modes).unwrap_or_default();
            }
            "deadline" => source.deadline = self.deadline(entry),
            "high_risk_above" => source.high_risk_above = self.score(entry),
            "correlation_header" => source.correlation_header = self.header(entry),
            "volatile" => source.volatile = self.paths(entry),
            "require" => source.require = self.require(entry),
            "fields" => source.members = self.fields(entry),
            "push" => source.push = self.push(entry),
            _ => {}
        }
    }

    fn event_type(&mut self, entry: &Entry<'_>) -> Feed {
        let constant = entry.value.as_str().filter(|text| !text.starts_with('$') && !text.trim().is_empty());
        let shape = Some(Shape::Text);
        match constant {
            Some(word) => Feed { otherwise: Some(Constant::Text(word.to_owned())), shape, ..Feed::default() },
            None => self.feed(entry, shape).unwrap_or_else(|| Feed {
                // A fault is noted; no second one is needed.
                otherwise: Some(Constant::Text(String::new())),
                ..Feed::default()
            }),
        }
    }

    fn deadline(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        let text = self.sheet.text(entry)?;
        let read = |unit: &str, millis: u64| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            Some(Duration::from_millis(number.checked_mul(millis)?))
        };
        let time = read("ms", 1).or_else(|| read("s", 1000));
        let time = time.filter(|time| (DEADLINE_MIN..=DEADLINE_MAX).contains(time));
        if time.is_none() {
            self.sheet.fault(entry, "must be a time from \"10ms\" to \"5s\", such as \"300ms\"");
        }
        time
    }

    fn score(&mut self, entry: &Entry<'_>) -> Option<Decimal> {
        let number = match entry.value {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|score| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(score));
        if number.is_none() {
            self.sheet.fault(entry, "must be a number from 0 to 100");
        }
        number
    }

    fn header(&mut self, entry: &Entry<'_>) -> Option<String> {
        let name = self.sheet.text(entry)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
            self.sheet.fault(entry, "must be a header's name, such as \"X-Call-Id\"");
            return None;
        }
        Some(name)
    }

    fn paths(&mut self, entry: &Entry<'_>) -> Vec<Path> {
        let texts = self.sheet.texts(entry).unwrap_or_default();
        texts.into_iter().filter_map(|(at, text)| self.path(at, &entry.key, text)).collect()
    }

    fn path(&mut self, at: usize, key: &str, text: &str) -> Option<Path> {
        match Path::parse(text) {
            Ok(path) => Some(path),
            Err(why) => {
                self.sheet.fault_at(at, key, why);
                None
            }
        }
    }

    fn require(&mut self, entry: &Entry<'_>) -> Vec<String> {
        let texts = self.sheet.texts(entry).unwrap_or_default();
        for (at, text) in &texts {
            if self.members.shape(text).is_none() && !text.starts_with("attributes.") {
                let why = unknown("names a member that is unknown", text, self.members);
                self.sheet.fault_at(*at, &entry.key, why);
            }
        }
        texts.into_iter().map(|(_, text)| text.to_owned()).collect()
    }

    fn fields(&mut self, entry: &Entry<'_>) -> Vec<Member> {
        let mut members = Vec::new();
        for entry in self.sheet.table(entry) {
            self.field(&entry, entry.name, &mut members);
        }
        if members.len() > FIELDS_MAX {
            self.sheet.fault(entry, format!("feeds more than {FIELDS_MAX} members"));
        }
        members
    }

    fn field(&mut self, entry: &Entry<'_>, path: &str, members: &mut Vec<Member>) {
        // `customer.id = …` without quotes is a table in a table.
        if let Some(table) = entry.value.as_table()
            && !table.keys().any(|key| FEED_KEYS.contains(&key.get_ref().as_ref()))
        {
            for below in self.sheet.table(entry) {
                let path = format!("{path}.{}", below.name);
                self.field(&below, &path, members);
            }
            return;
        }
        if let Some(shape) = self.shape(entry, path)
            && let Some(feed) = self.feed(entry, shape)
        {
            if members.iter().any(|known| known.path == path) {
                return self.sheet.fault(entry, "is fed twice; name it once, with a list of paths");
            }
            members.push(Member { path: path.to_owned(), feed, line: self.sheet.line(entry.at.start) });
        }
    }

    /// What the member must be; `Some(None)`: anything, below an open group.
    fn shape(&mut self, entry: &Entry<'_>, path: &str) -> Option<Option<Shape>> {
        let open = |(end, _)| self.members.shape(&path[..end]) == Some(Shape::Open);
        match self.members.shape(path) {
            _ if path == "eventType" => self.sheet.fault(entry, "stands at the top: event_type = …"),
            Some(Shape::Group) => {
                let why = format!("is a group: name its members, such as \"{path}.id\"");
                self.sheet.fault(entry, why);
            }
            Some(shape) => return Some(Some(shape)),
            None if path.match_indices('.').any(open) => {
                if path.matches('.').count() == 1 {
                    return Some(None);
                }
                self.sheet.fault(entry, "lies too deep: attributes are one level of names");
            }
            None => {
                let why = unknown("is unknown", path, self.members);
                self.sheet.fault(entry, why);
            }
        }
        None
    }

    fn feed(&mut self, entry: &Entry<'_>, shape: Option<Shape>) -> Option<Feed> {
        let mut feed = Feed { shape, ..Feed::default() };
        match entry.value {
            DeValue::String(text) if !text.starts_with('$') => {
                let why = "must begin with $, as a JSONPath does; a constant is written { value = \"…\" }";
                self.sheet.fault(entry, why);
                return None;
            }
            DeValue::String(_) | DeValue::Array(_) => feed.paths = self.paths(entry),
            DeValue::Table(_) => {
                let entries = self.sheet.table(entry);
                self.sheet.unknown(&entries, &FEED_KEYS);
                for entry in &entries {
                    self.part(entry, &mut feed);
                }
                let has = |name: &str| entries.iter().any(|entry| entry.name == name);
                if has("value") && entries.len() > 1 {
                    self.sheet.fault(entry, "a constant stands alone: { value = … }");
                } else if !has("value") && !has("path") {
                    self.sheet.fault(entry, FEED_CURE);
                }
            }
            _ => {
                self.sheet.fault(entry, FEED_CURE);
                return None;
            }
        }
        Some(feed)
    }

    fn part(&mut self, entry: &Entry<'_>, feed: &mut Feed) {
        match entry.name {
            "path" => feed.paths = self.paths(entry),
            "as" => feed.taken_as = self.taken_as(entry, feed.shape),
            "words" => {
                for entry in self.sheet.table(entry) {
                    if let Some(word) = self.sheet.text(&entry) {
                        feed.words.insert(entry.name.to_owned(), word);
                    }
                }
            }
            "default" | "value" => {
                let constant = match entry.value {
                    DeValue::String(text) => Some(Constant::Text(text.as_ref().to_owned())),
                    DeValue::Integer(number) => Some(Constant::Number(number.as_str().to_owned())),
                    DeValue::Float(number) => Some(Constant::Number(number.as_str().to_owned())),
                    DeValue::Boolean(value) => Some(Constant::Bool(*value)),
                    _ => None,
                };
                feed.otherwise = constant.filter(|constant| constant.fits(feed.shape));
                if feed.otherwise.is_none() {
                    self.sheet.fault(entry, format!("must be {}", wanted(feed.shape)));
                }
            }
            _ => {}
        }
    }

    fn taken_as(&mut self, entry: &Entry<'_>, shape: Option<Shape>) -> Option<As> {
        let taken = self.sheet.word(entry, &As::ALL)?;
        let fits = match shape {
            None => true,
            Some(Shape::Text) => taken == As::Text,
            Some(Shape::Money) => taken == As::Number,
            Some(Shape::Boolean) => taken == As::Boolean,
            Some(Shape::Group | Shape::Open) => false,
        };
        if !fits {
            self.sheet.fault(entry, format!("does not fit: the member must be {}", wanted(shape)));
        }
        Some(taken)
    }

    fn push(&mut self, entry: &Entry<'_>) -> Option<Push> {
        let entries = self.sheet.table(entry);
        self.sheet.unknown(&entries, &["to", "when", "participant"]);
        let (mut to, mut when, mut participant) = (None, When::Late, Vec::new());
        for entry in &entries {
            match entry.name {
                "to" => to = self.sheet.word(entry, &[("cxone", "cxone"), ("genesys", "genesys")]),
                "when" => {
                    let words = [("always", When::Always), ("late", When::Late)];
                    when = self.sheet.word(entry, &words).unwrap_or(when);
                }
                "participant" => participant = self.paths(entry),
                _ => {}
            }
        }
        if !entries.iter().any(|entry| entry.name == "to") {
            self.sheet.fault(entry, "needs to = \"cxone\" or to = \"genesys\"");
        }
        let participant = Feed { paths: participant, shape: Some(Shape::Text), ..Feed::default() };
        Some(Push { to: to?.to_owned(), when, participant })
    }
}

fn unknown(what: &str, path: &str, members: &Members) -> String {
    match members.nearest(path) {
        Some(near) => {
            format!("{what}; the nearest known member is {near}; other data goes into attributes.<name>")
        }
        None => format!("{what}; other data goes into attributes.<name>"),
    }
}

fn wanted(shape: Option<Shape>) -> &'static str {
    match shape {
        None => "a text, a number, true or false",
        Some(Shape::Text) => "a text in quotes",
        Some(Shape::Money) => "a plain number, such as 12500.00",
        Some(Shape::Boolean) => "true or false",
        Some(Shape::Group | Shape::Open) => "an object of the body: a path alone",
    }
}
