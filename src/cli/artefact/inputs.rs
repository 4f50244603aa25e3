//! What a platform has to fill in for a source: flat inputs, and the body that is made of them.

use crate::domain::event::Shape;
use crate::sources::{Feed, Source};

/// Names that Genesys Cloud keeps for itself.
pub(super) const RESERVED: [&str; 3] = ["orgId", "integrationId", "rawRequest"];

/// One value that the platform fills in.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// A flat name.
    pub(super) name: String,
    /// Where it stands in the body.
    pub(super) place: Vec<String>,
    /// The event's member that it feeds.
    pub(super) member: String,
    /// Whether it stands in quotes: what is not filled in is then empty, and the body is JSON all the same.
    pub(super) quoted: bool,
    pub(super) kind: &'static str,
    /// Whether the call fails without it.
    pub(super) required: bool,
}

/// All inputs of a source, and what can't be one, with why.
pub(super) fn inputs(source: &Source) -> (Vec<Input>, Vec<String>) {
    let (mut inputs, mut left_out): (Vec<Input>, Vec<String>) = (Vec::new(), Vec::new());
    let participant = source.participant().map(|feed| ("participant", feed));
    for (member, feed) in source.feeds().chain(participant) {
        let Some(first) = feed.paths().first() else { continue };
        let place = feed.paths().iter().find_map(|path| path.names().filter(|names| !names.is_empty()));
        let why = match &place {
            _ if feed.shape() == Some(Shape::Open) => Some("an object can't be filled in flat"),
            None => Some("its path is no plain list of names"),
            Some(place) if collides(&inputs, place) => Some("its place in the body is taken"),
            Some(_) => None,
        };
        match (why, place) {
            (None, Some(place)) => inputs.push(input(source, member, feed, &place, &inputs)),
            (why, _) => left_out.push(format!("{member} ({}): {}", first.text(), why.unwrap_or_default())),
        }
    }
    (inputs, left_out)
}

fn input(source: &Source, member: &str, feed: &Feed, place: &[&str], others: &[Input]) -> Input {
    // A number in quotes is written by the platform as it likes, and may be empty.
    let unquoted = feed.taken_as().is_none();
    let (quoted, kind) = match feed.shape() {
        Some(Shape::Money) if unquoted => (false, "number"),
        Some(Shape::Boolean) if unquoted => (false, "boolean"),
        _ => (true, "string"),
    };
    let mut name: String = place.join("_").chars().map(|c| if is_part(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || RESERVED.contains(&name.as_str()) {
        name.insert_str(0, "in_");
    }
    while others.iter().any(|other| other.name == name) {
        name.push_str("_2");
    }
    Input {
        name,
        place: place.iter().map(|name| (*name).to_owned()).collect(),
        member: member.to_owned(),
        quoted,
        kind,
        required: !quoted || source.required().iter().any(|required| required == member),
    }
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Whether one of two places lies in the other.
fn collides(inputs: &[Input], place: &[&str]) -> bool {
    inputs.iter().any(|input| input.place.iter().zip(place).all(|(a, b)| a == b))
}

/// The body as one line of JSON; `filled` writes what stands for an input.
pub(super) fn body(inputs: &[Input], filled: &dyn Fn(&Input) -> String) -> String {
    let places = inputs.iter().map(|input| (input.place.as_slice(), filled(input)));
    object(&places.collect::<Vec<_>>())
}

/// What is left of a place, and what stands there.
type Filled<'i> = (&'i [String], String);

fn object(places: &[Filled<'_>]) -> String {
    let mut members: Vec<(&String, Vec<Filled<'_>>)> = Vec::new();
    for (place, filled) in places {
        let Some((name, below)) = place.split_first() else { continue };
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push((below, filled.clone())),
            None => members.push((name, vec![(below, filled.clone())])),
        }
    }
    let member = |(name, group): &(&String, Vec<Filled<'_>>)| {
        let value = match group.as_slice() {
            [([], filled)] => filled.clone(),
            group => object(group),
        };
        format!("{}:{value}", serde_json::Value::from(name.as_str()))
    };
    let members: Vec<_> = members.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}
