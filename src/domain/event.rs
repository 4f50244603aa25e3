//! A contact-center event: the facts that decisions need, typed, and the whole event as a field tree for the mapping.
//! Says what members an event may have and of which type; what Xceed wants of them is the schema set's business.

use super::field::Field;
use super::identifiers::{CustomerId, EventId, Personal};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// Something wrong with one field of the caller's JSON. Never holds the field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The JSON path, such as `transaction.amount`.
    pub field: String,
    /// The payload's element that it feeds, where it feeds one.
    pub element: Option<String>,
    /// A stable word for the rule that is broken: `required`, `type`, `unknown`, `money`, `time_zone`, `pattern`, …
    pub rule: &'static str,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl FieldFault {
    /// A fault of a field that is not tied to an element.
    pub fn new(field: &str, rule: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), element: None, rule, message: message.into() }
    }
}

/// So many faults are told at once; an event with more has other problems, and finding all would cost too much.
pub const FAULTS_MAX: usize = 100;
/// So much of a name is shown in an error, in characters.
const NAME_SHOWN: usize = 200;
/// A name longer than this resembles no known one.
const NAME_MAX: usize = 64;

/// A path is seldom longer.
const PATH_USUAL: usize = 64;

/// What a member of an event must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A JSON string.
    Text,
    /// A JSON number of up to 15 digits and 4 decimals, without exponent or sign.
    Money,
    /// A JSON boolean.
    Boolean,
    /// A JSON object whose members are listed as well.
    Group,
    /// A JSON object with any members.
    Open,
}

/// The members that an event may have: those of the published shape, and those that a mapping reads.
#[derive(Clone, Debug)]
pub struct Members(BTreeMap<String, Shape>);

const TEXTS: [&str; 24] = [
    "eventId",
    "eventType",
    "occurredAt",
    "outcome",
    "interaction.id",
    "interaction.platform",
    "interaction.agentId",
    "interaction.ani",
    "customer.id",
    "customer.tier",
    "customer.accountId",
    "customer.accountType",
    "session.id",
    "session.ipAddress",
    "session.deviceId",
    "session.userAgent",
    "transaction.id",
    "transaction.currency",
    "transaction.valueDate",
    "transaction.payee",
    "challenge.method",
    "challenge.result",
    "device.fingerprint",
    "device.userAgent",
];

impl Default for Members {
    fn default() -> Self {
        let mut members = Self(BTreeMap::new());
        for path in TEXTS {
            members.add(path, Shape::Text);
        }
        members.add("transaction.amount", Shape::Money);
        members.add("attributes", Shape::Open);
        members
    }
}

impl Members {
    /// Adds a member that a mapping reads, and the groups above it. A member that is known keeps its shape, and what
    /// lies below an open group needs no entry.
    pub fn add(&mut self, path: &str, shape: Shape) {
        for (end, _) in path.match_indices('.') {
            match self.0.entry(path[..end].to_owned()).or_insert(Shape::Group) {
                Shape::Open => return,
                shape => *shape = Shape::Group,
            }
        }
        self.0.entry(path.to_owned()).or_insert(shape);
    }

    /// The shape of the member at a path.
    pub fn shape(&self, path: &str) -> Option<Shape> {
        self.0.get(path).copied()
    }

    /// All paths, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The known path that is nearest to an unknown one.
    pub fn nearest(&self, path: &str) -> Option<&str> {
        let name = path.rsplit('.').next().unwrap_or(path);
        if path.len() > NAME_MAX {
            return None;
        }
        let distance = |known: &str| {
            let last = known.rsplit('.').next().unwrap_or(known);
            strsim::damerau_levenshtein(known, path).min(1 + strsim::damerau_levenshtein(last, name))
        };
        self.0.keys().map(String::as_str).min_by_key(|known| distance(known))
    }
}

/// A customer's standing with the bank, as the caller tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// `new`
    New,
    /// `premium`
    Premium,
    /// Any other word, or none.
    Other,
}

/// What decisions are made from; a word that the filling rules put in is not among it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// As the caller wrote it, also where the payload says `Other`.
    pub event_type: String,
    /// The customer, where the event names one.
    pub customer: Option<CustomerId>,
    /// The customer's tier.
    pub tier: Tier,
    /// The transaction's amount, in its own currency.
    pub amount: Option<Decimal>,
}

/// What the audit trail knows an event by, beside its id.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// The interaction that it happened in.
    pub interaction: Option<String>,
    /// The transaction that it is about.
    pub transaction: Option<String>,
    /// The customer's account.
    pub account: Option<Personal>,
    /// The number that was called from.
    pub ani: Option<Personal>,
}

impl Traces {
    /// Reads them from an event's fields.
    pub fn read(fields: &Field<'_>) -> Self {
        let text = |path| text_at(fields, path);
        Self {
            interaction: text("interaction.id").map(str::to_owned),
            transaction: text("transaction.id").map(str::to_owned),
            account: text("customer.accountId").map(Personal::new),
            ani: text("interaction.ani").map(Personal::new),
        }
    }
}

/// An event as far as it can be read. The faults that were found are beside it, so that the mapping and the XSD can add
/// theirs and the caller hears everything at once.
#[derive(Clone, Debug)]
pub struct ContactEvent<'a> {
    /// The caller's name for it; an event without a usable one has a fault.
    pub id: Option<EventId>,
    /// What decisions need of it. The event type is empty where that is a fault.
    pub facts: Facts,
    /// When the gateway received it.
    pub received_at: Timestamp,
    /// All that the caller sent.
    pub fields: &'a Field<'a>,
}

impl<'a> ContactEvent<'a> {
    /// Reads the facts of an event and checks its members: what is missing, unknown or of the wrong type is a fault.
    pub fn read(fields: &'a Field<'a>, members: &Members, received_at: Timestamp) -> (Self, Vec<FieldFault>) {
        let mut faults = Vec::new();
        check_members(fields, "", members, &mut faults);
        let id = read_id(fields, &mut faults);
        let event_type = read_event_type(fields, &mut faults);
        check_time(fields, &mut faults);
        let facts = Facts {
            event_type: event_type.unwrap_or_default(),
            customer: text_at(fields, "customer.id").map(CustomerId::new),
            tier: read_tier(fields),
            amount: read_amount(fields),
        };
        (Self { id, facts, received_at, fields }, faults)
    }
}

fn text_at<'f>(fields: &'f Field<'_>, path: &str) -> Option<&'f str> {
    match fields.at(path) {
        Some(field @ Field::Text(text)) if field.has_data() => Some(text),
        _ => None,
    }
}

/// The id that an event is known by, where it has a usable one: what a replay is looked up under before anything else.
pub fn event_id(fields: &Field<'_>) -> Option<EventId> {
    text_at(fields, "eventId").and_then(EventId::parse)
}

fn read_id(fields: &Field<'_>, faults: &mut Vec<FieldFault>) -> Option<EventId> {
    let rule = EventId::RULE;
    match fields.at("eventId") {
        Some(field @ Field::Text(text)) if field.has_data() => {
            let id = EventId::parse(text);
            if id.is_none() {
                faults.push(FieldFault::new("eventId", "pattern", format!("must be {rule}")));
            }
            id
        }
        Some(field) if field.has_data() => None, // its type is a fault already
        _ => {
            let message = format!("is required: name the event so that it can be repeated safely, {rule}");
            faults.push(FieldFault::new("eventId", "required", message));
            None
        }
    }
}

fn read_event_type(fields: &Field<'_>, faults: &mut Vec<FieldFault>) -> Option<String> {
    match fields.at("eventType") {
        Some(field) if field.has_data() => text_at(fields, "eventType").map(str::to_owned),
        _ => {
            let message = "is required: say what happened, for example \"WireTransfer\" or \"Login\"";
            faults.push(FieldFault::new("eventType", "required", message));
            None
        }
    }
}

fn read_tier(fields: &Field<'_>) -> Tier {
    match text_at(fields, "customer.tier") {
        Some("new") => Tier::New,
        Some("premium") => Tier::Premium,
        _ => Tier::Other,
    }
}

fn read_amount(fields: &Field<'_>) -> Option<Decimal> {
    match fields.at("transaction.amount") {
        Some(Field::Number(text)) if is_money(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether a number's text is money: 1 to 15 digits, optionally a point and 1 to 4 decimals; no sign, no exponent.
pub fn is_money(text: &str) -> bool {
    let digits =
        |part: &str, max: usize| (1..=max).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => digits(whole, 15) && digits(decimals, 4),
        None => digits(text, 15),
    }
}

/// The first character that XML 1.0 can't carry, not even escaped.
pub fn forbidden_in_xml(text: &str) -> Option<char> {
    // Seldom is there a byte that such a character could begin with.
    if !text.bytes().any(|byte| byte < b' ' || byte == 0xEF) {
        return None;
    }
    text.chars().find(|c| {
        !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    })
}

fn check_time(fields: &Field<'_>, faults: &mut Vec<FieldFault>) {
    let Some(text) = text_at(fields, "occurredAt") else { return };
    if text.parse::<Timestamp>().is_ok() || forbidden_in_xml(text).is_some() {
        return;
    }
    let (rule, message) = if text.parse::<jiff::civil::DateTime>().is_ok() {
        ("time_zone", "needs a zone: end it with Z or an offset such as +01:00")
    } else {
        ("date_time", "must be a date and time with a zone, for example 2026-11-22T08:00:00Z")
    };
    faults.push(FieldFault::new("occurredAt", rule, message));
}

fn check_members(field: &Field<'_>, group: &str, members: &Members, faults: &mut Vec<FieldFault>) {
    let mut path = String::with_capacity(PATH_USUAL);
    for (name, value) in field.members() {
        if faults.len() >= FAULTS_MAX {
            return;
        }
        path.clear();
        if !group.is_empty() {
            path.push_str(group);
            path.push('.');
        }
        path.push_str(name);
        match members.shape(&path) {
            Some(shape) => check_member(value, &path, shape, members, faults),
            None => faults.push(unknown_member(&path, members)),
        }
    }
}

fn check_member(
    value: &Field<'_>,
    path: &str,
    shape: Shape,
    members: &Members,
    faults: &mut Vec<FieldFault>,
) {
    if !value.has_data() {
        return;
    }
    match (shape, value) {
        (Shape::Text, Field::Text(text)) => check_text(text, || path.to_owned(), faults),
        (Shape::Boolean, Field::Bool(_)) => {}
        (Shape::Money, Field::Number(text)) if is_money(text) => {}
        (Shape::Money, Field::Number(_)) => faults.push(FieldFault::new(
            path,
            "money",
            "must be a plain number of at most 15 digits and 4 decimals, without sign or exponent, such as 12500.00",
        )),
        (Shape::Group, Field::Object(_)) => check_members(value, path, members, faults),
        (Shape::Open, Field::Object(open)) => {
            for (name, value) in open {
                if faults.len() >= FAULTS_MAX {
                    return;
                }
                check_open(name, value, path, faults);
            }
        }
        (shape, other) => faults.push(wrong_type(path, shape, other)),
    }
}

/// Below an open group any name may stand and scalars are sent on, so both must be text that XML can carry.
fn check_open(name: &str, value: &Field<'_>, group: &str, faults: &mut Vec<FieldFault>) {
    let path = || format!("{group}.{}", shown(name));
    check_text(name, path, faults);
    if let Field::Text(text) = value {
        check_text(text, path, faults);
    }
}

fn check_text(text: &str, path: impl Fn() -> String, faults: &mut Vec<FieldFault>) {
    if let Some(c) = forbidden_in_xml(text) {
        let what = match c {
            '\u{ffff}' => "half of a surrogate pair or U+FFFF".to_owned(),
            c => format!("U+{:04X}", c as u32),
        };
        let message = format!("holds a character that XML can't carry ({what}): leave it out");
        faults.push(FieldFault::new(&path(), "character", message));
    }
}

fn wrong_type(path: &str, shape: Shape, found: &Field<'_>) -> FieldFault {
    let wanted = match shape {
        Shape::Text => "a string",
        Shape::Money => "a number, not quoted, such as 12500.00",
        Shape::Boolean => "true or false",
        Shape::Group | Shape::Open => "an object",
    };
    FieldFault::new(path, "type", format!("must be {wanted}, not {}", found.type_name()))
}

/// As much of a name as an error shows.
fn shown(name: &str) -> &str {
    name.char_indices().nth(NAME_SHOWN).map_or(name, |(end, _)| &name[..end])
}

fn unknown_member(path: &str, members: &Members) -> FieldFault {
    let hint = match members.nearest(path) {
        Some(near) => {
            format!("is unknown; the nearest known member is {near}; other data goes into attributes")
        }
        None => "is unknown; other data goes into attributes".to_owned(),
    };
    FieldFault::new(shown(path), "unknown", hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<'a>(members: Vec<(&'a str, Field<'a>)>) -> Field<'a> {
        Field::Object(members.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    fn faults_of(extra: &[(&str, Field<'_>)]) -> Vec<(String, &'static str)> {
        let mut members =
            vec![("eventId", Field::Text("e-1".into())), ("eventType", Field::Text("Login".into()))];
        members.extend(extra.iter().map(|(k, v)| (*k, v.clone())));
        let fields = object(members);
        let (_, faults) = ContactEvent::read(&fields, &Members::default(), Timestamp::UNIX_EPOCH);
        faults.into_iter().map(|f| (f.field, f.rule)).collect()
    }

    #[test]
    fn an_event_without_id_and_type_says_both() {
        let fields = object(vec![("eventType", Field::Text(" ".into()))]);
        let (event, faults) = ContactEvent::read(&fields, &Members::default(), Timestamp::UNIX_EPOCH);
        assert!(event.id.is_none() && event.facts.event_type.is_empty());
        assert_eq!(
            faults.iter().map(|f| (f.field.as_str(), f.rule)).collect::<Vec<_>>(),
            [("eventId", "required"), ("eventType", "required")]
        );
    }

    #[test]
    fn money_is_a_plain_number() {
        for good in ["0", "12500.00", "12500.0", "999999999999999.9999"] {
            assert!(is_money(good), "{good}");
        }
        for bad in ["-1", "1e3", "1.", "1.00001", "1234567890123456", "", "1E400", "+1", ".5"] {
            assert!(!is_money(bad), "{bad}");
        }
        let quoted = object(vec![("amount", Field::Text("12".into()))]);
        assert_eq!(faults_of(&[("transaction", quoted)]), [("transaction.amount".into(), "type")]);
        let exponent = object(vec![("amount", Field::Number("1e400"))]);
        assert_eq!(faults_of(&[("transaction", exponent)]), [("transaction.amount".into(), "money")]);
    }

    #[test]
    fn a_time_needs_a_zone() {
        let at = |text: &'static str| faults_of(&[("occurredAt", Field::Text(text.into()))]);
        assert_eq!(at("2026-11-22T08:00:00Z"), []);
        assert_eq!(at("2026-11-22T08:00:00.123+01:00"), []);
        assert_eq!(at("2026-11-22T08:00:00"), [("occurredAt".into(), "time_zone")]);
        assert_eq!(at("yesterday"), [("occurredAt".into(), "date_time")]);
    }

    #[test]
    fn an_unknown_member_is_told_the_nearest_known_one() {
        let fields = object(vec![("custmer", Field::Null), ("occuredAt", Field::Null)]);
        let (_, faults) = ContactEvent::read(&fields, &Members::default(), Timestamp::UNIX_EPOCH);
        assert!(faults[0].message.contains("customer"), "{}", faults[0].message);
        assert!(faults[1].message.contains("occurredAt"), "{}", faults[1].message);
    }

    #[test]
    fn text_that_xml_can_not_carry_is_refused_by_field_name() {
        for bad in ["\u{0}", "a\u{b}", "\u{fffe}", "\u{1b}[31m"] {
            let customer = object(vec![("id", Field::Text(bad.into()))]);
            assert_eq!(faults_of(&[("customer", customer)]), [("customer.id".into(), "character")]);
        }
        let open = object(vec![("Memo", Field::Text("\u{1}".into())), ("n", Field::List(vec![]))]);
        assert_eq!(faults_of(&[("attributes", open)]), [("attributes.Memo".into(), "character")]);
    }

    #[test]
    fn a_member_that_the_mapping_reads_is_known() {
        let mut members = Members::default();
        members.add("branch.code", Shape::Text);
        members.add("attributes.recurring", Shape::Boolean);
        assert_eq!(members.shape("branch"), Some(Shape::Group));
        assert_eq!(members.shape("branch.code"), Some(Shape::Text));
        assert_eq!(members.shape("attributes"), Some(Shape::Open));
        assert_eq!(members.shape("attributes.recurring"), None);
    }
}
