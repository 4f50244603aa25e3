//! From a body to an event of the published shape.

use super::feed::Feed;
use super::identity::{derived, fingerprint};
use super::path::Body;
use super::{Form, Source};
use crate::domain::event::FieldFault;
use crate::domain::field::{Field, Fingerprint};
use crate::domain::going_back::Target;
use crate::domain::identifiers::TenantName;
use jiff::Timestamp;
use std::borrow::Cow;

/// What a source makes of a body.
#[derive(Debug)]
pub struct Reading<'b> {
    /// The event, without an id where the body gives none.
    pub event: Field<'b>,
    /// What it is known by.
    pub name: Name,
    /// The body's meaning, without what is different each time.
    pub fingerprint: Fingerprint,
    /// Where its decision goes back to.
    pub back: Option<Target>,
    /// What the source requires and the body has not, by the body's own fields.
    pub missing: Vec<FieldFault>,
}

/// What an event is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The body says so.
    Given,
    /// All of the body together.
    Derived(String),
    /// The same; but there is neither an interaction nor a transaction, so an equal body may be another event later.
    Fleeting(String),
}

impl<'b> Reading<'b> {
    /// The event under this name, where it has none of its own.
    pub fn named(self, id: String) -> Field<'b> {
        match (self.name, self.event) {
            (Name::Derived(_) | Name::Fleeting(_), Field::Object(mut members)) => {
                members.retain(|(name, _)| name != "eventId"); // a blank one
                members.push((Cow::Borrowed("eventId"), Field::Text(Cow::Owned(id))));
                Field::Object(members)
            }
            (_, event) => event,
        }
    }
}

impl Source {
    /// The event that a body becomes.
    pub fn read<'b>(&'b self, tenant: &TenantName, body: &'b Field<'b>) -> Reading<'b> {
        let body = Body::new(body);
        let mut event = Vec::new();
        for (path, feed) in self.feeds() {
            if let Some(value) = feed.take(&body).filter(|value| path != "occurredAt" || is_time(value)) {
                put(&mut event, path, value);
            }
        }
        let event = Field::Object(event);
        let has = |path: &str| event.at(path).is_some_and(Field::has_data);
        let fingerprint = fingerprint(&body, &self.volatile);
        let derived = || derived(tenant, &self.name, fingerprint);
        let name = match (has("eventId"), has("interaction.id") || has("transaction.id")) {
            (true, _) => Name::Given,
            (false, true) => Name::Derived(derived()),
            (false, false) => Name::Fleeting(derived()),
        };
        let missing = self.require.iter().filter(|path| !has(path)).map(|path| self.missing(path));
        Reading { missing: missing.collect(), name, fingerprint, back: self.back(&body), event }
    }

    /// The same fault in the words of the body: where the field is that feeds the member.
    pub fn locate(&self, fault: FieldFault) -> FieldFault {
        match self.feed_of(&fault.field) {
            Some((feed, below)) => match feed.paths.first() {
                Some(path) => FieldFault { field: path.shown() + below, ..fault },
                None => fault,
            },
            None => fault,
        }
    }

    /// The line of the file that feeds a member.
    pub fn line(&self, member: &str) -> Option<usize> {
        let feeds =
            |known: &str| member.strip_prefix(known).is_some_and(|r| r.is_empty() || r.starts_with('.'));
        self.members.iter().find(|known| feeds(&known.path)).map(|known| known.line)
    }

    /// Members whose paths find nothing in a body.
    pub fn unfed(&self, body: &Field<'_>) -> Vec<&str> {
        let body = Body::new(body);
        let idle = |feed: &Feed| !feed.paths.is_empty() && !feed.finds(&body);
        self.feeds().filter(|(_, feed)| idle(feed)).map(|(path, _)| path).collect()
    }

    /// The answer of the words that were told.
    pub fn answer(&self, words: &[u8]) -> Vec<u8> {
        match self.form {
            Form::Flat => super::answer::flat(words, self.high_risk_above),
            Form::Full => words.to_vec(),
        }
    }

    /// The feed of a member, or of the open group that it lies in, and what lies below that.
    fn feed_of<'f>(&self, field: &'f str) -> Option<(&Feed, &'f str)> {
        let below =
            |known: &str| field.strip_prefix(known).filter(|rest| rest.is_empty() || rest.starts_with('.'));
        let found = self.feeds().filter_map(|(path, feed)| Some((path.len(), feed, below(path)?)));
        found.max_by_key(|(length, ..)| *length).map(|(_, feed, rest)| (feed, rest))
    }

    fn missing(&self, member: &str) -> FieldFault {
        let message = format!("is required by the source {} (as {member})", self.name);
        self.locate(FieldFault::new(member, "required", message))
    }

    fn back(&self, body: &Body<'_>) -> Option<Target> {
        let push = self.push.as_ref()?;
        let participant = match push.participant.take(body) {
            Some(Field::Text(text)) => Some(text.into_owned()),
            _ => None,
        };
        let high_risk_above = self.high_risk_above;
        Some(Target { name: push.to.clone(), when: push.when, participant, high_risk_above })
    }
}

/// A platform's clock without a zone, or in words of its own, tells nothing: then the time of receipt counts.
fn is_time(value: &Field<'_>) -> bool {
    matches!(value, Field::Text(text) if text.trim().parse::<Timestamp>().is_ok())
}

/// Puts a member at its place. What comes later goes in front of what an object brought.
fn put<'b>(members: &mut Vec<(Cow<'b, str>, Field<'b>)>, path: &'b str, value: Field<'b>) {
    let (name, below) = path.split_once('.').map_or((path, None), |(name, below)| (name, Some(below)));
    let place = members.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        members.push((Cow::Borrowed(name), Field::Object(Vec::new())));
        members.len() - 1
    });
    let at = &mut members[place].1;
    match (below, at) {
        (Some(below), Field::Object(members)) => put(members, below, value),
        (Some(below), other) => {
            let mut members = Vec::new();
            put(&mut members, below, value);
            *other = Field::Object(members);
        }
        // An object joins what single members have brought, which stand.
        (None, Field::Object(known)) if matches!(value, Field::Object(_)) => {
            for (name, value) in into_members(value) {
                if !known.iter().any(|(taken, _)| *taken == name) {
                    known.push((name, value));
                }
            }
        }
        (None, other) => *other = value,
    }
}

fn into_members(value: Field<'_>) -> Vec<(Cow<'_, str>, Field<'_>)> {
    match value {
        Field::Object(members) => members,
        _ => Vec::new(),
    }
}
