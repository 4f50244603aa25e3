//! The columns of a CSV file: which member of the event each of them is.

use super::super::shell::Failed;
use crate::domain::event::{Members, Shape, is_money};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Members whose absence makes every record useless.
const NEEDED: [&str; 2] = ["eventId", "eventType"];

/// Which member each column is; `None` for one that is left out.
pub(super) struct Columns(Vec<Option<Member>>);

struct Member {
    path: Vec<String>,
    shape: Shape,
}

impl Columns {
    /// Checks the header, with what a map says of it: everything that is wrong at once.
    pub(super) fn of(header: &[String], map: Option<&Path>) -> Result<Self, Failed> {
        let map = map.map_or_else(|| Ok(BTreeMap::new()), read_map)?;
        let mut faults: Vec<String> = map
            .keys()
            .filter(|column| !header.contains(column))
            .map(|column| format!("the map names the column {column:?}, which the file has not"))
            .collect();
        let mut taken: HashMap<&str, &str> = HashMap::new();
        let mut columns = Vec::new();
        for column in header {
            let path = map.get(column).unwrap_or(column);
            if path.is_empty() && map.contains_key(column) {
                columns.push(None);
                continue;
            }
            match shape_of(path) {
                Ok(shape) => {
                    let path = path.split('.').map(str::to_owned).collect();
                    columns.push(Some(Member { path, shape }));
                }
                Err(wrong) => faults.push(format!("column {column:?}: {wrong}")),
            }
            if let Some(other) = taken.insert(path, column) {
                faults.push(format!("columns {other:?} and {column:?} are both {path}: leave one out"));
            }
        }
        for needed in NEEDED.iter().filter(|needed| !taken.contains_key(**needed)) {
            faults.push(format!("no column is {needed}, which each event needs"));
        }
        if faults.is_empty() { Ok(Self(columns)) } else { Err(Failed(faults)) }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// A record as an event in JSON.
    pub(super) fn event<'r>(&self, fields: impl Iterator<Item = &'r str>) -> String {
        let mut event = Object::default();
        for (member, text) in self.0.iter().zip(fields) {
            if let Some(member) = member.as_ref().filter(|_| !text.trim().is_empty()) {
                event.put(&member.path, json(member.shape, text));
            }
        }
        let mut text = String::new();
        event.write(&mut text);
        text
    }
}

fn read_map(file: &Path) -> Result<BTreeMap<String, String>, Failed> {
    let wrong = |error: &dyn std::fmt::Display| Failed::because(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    toml::from_str(&text).map_err(|error| {
        wrong(&format!("must say \"column\" = \"member.of.the.event\" in each line ({})", error.message()))
    })
}

/// What stands at a path of an event, or what is wrong with it.
fn shape_of(path: &str) -> Result<Shape, String> {
    let members = Members::default();
    match members.shape(path) {
        Some(Shape::Group) => Err(format!("{path} is a group of members: name one of them")),
        Some(Shape::Open) => {
            Err(format!("{path} holds members of any name: name one, such as {path}.Branch"))
        }
        Some(shape) => Ok(shape),
        None if path
            .strip_prefix("attributes.")
            .is_some_and(|name| !name.is_empty() && !name.contains('.')) =>
        {
            Ok(Shape::Text)
        }
        None => Err(match members.nearest(path) {
            Some(known) => format!("an event has no member {path}; the nearest is {known}"),
            None => format!("an event has no member {path}"),
        }),
    }
}

/// As JSON. What is no number or boolean stays text, and the gateway says what is wrong with it.
fn json(shape: Shape, text: &str) -> String {
    let plain = text.trim();
    match shape {
        Shape::Money if is_money(plain) => without_zeros(plain).to_owned(),
        Shape::Boolean if plain.eq_ignore_ascii_case("true") => "true".to_owned(),
        Shape::Boolean if plain.eq_ignore_ascii_case("false") => "false".to_owned(),
        _ => quoted(text),
    }
}

/// JSON knows no zeros before a number; those behind its point are part of what is written.
fn without_zeros(number: &str) -> &str {
    let digits = number.find('.').unwrap_or(number.len());
    let zeros = number.bytes().take_while(|byte| *byte == b'0').count();
    &number[zeros.min(digits.saturating_sub(1))..]
}

fn quoted(text: &str) -> String {
    // A text has nothing that JSON can't hold.
    serde_json::to_string(text).unwrap_or_default()
}

/// An object while it is made, its members in the order in which they came.
#[derive(Default)]
struct Object(Vec<(String, Node)>);

enum Node {
    Json(String),
    Object(Object),
}

impl Object {
    fn put(&mut self, path: &[String], json: String) {
        match path {
            [] => {}
            [name] => self.0.push((name.clone(), Node::Json(json))),
            [name, below @ ..] => match self.0.iter_mut().find(|(known, _)| known == name) {
                Some((_, Node::Object(group))) => group.put(below, json),
                Some(_) => {}
                None => {
                    let mut group = Self::default();
                    group.put(below, json);
                    self.0.push((name.clone(), Node::Object(group)));
                }
            },
        }
    }

    fn write(&self, out: &mut String) {
        for (n, (name, node)) in self.0.iter().enumerate() {
            out.push(if n == 0 { '{' } else { ',' });
            out.push_str(&quoted(name));
            out.push(':');
            match node {
                Node::Json(json) => out.push_str(json),
                Node::Object(object) => object.write(out),
            }
        }
        out.push_str(if self.0.is_empty() { "{}" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &[&str]) -> Result<Columns, Failed> {
        Columns::of(&header.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn a_record_becomes_an_event_with_numbers_as_they_are_written() {
        let header =
            ["eventId", "customer.id", "transaction.amount", "eventType", "attributes.A b", "customer.tier"];
        let columns = columns(&header).expect("known members");
        let event = |fields: &[&str]| columns.event(fields.iter().copied());
        assert_eq!(
            event(&["e-1", "007", " 0012500.00 ", "Login", "x\"y", ""]),
            r#"{"eventId":"e-1","customer":{"id":"007"},"transaction":{"amount":12500.00},"eventType":"Login","attributes":{"A b":"x\"y"}}"#
        );
        assert_eq!(
            event(&["e-2", "", "12,5", "Login", "", "new"]),
            r#"{"eventId":"e-2","transaction":{"amount":"12,5"},"eventType":"Login","customer":{"tier":"new"}}"#
        );
        assert_eq!((without_zeros("000.50"), without_zeros("0"), without_zeros("100")), ("0.50", "0", "100"));
    }

    #[test]
    fn a_wrong_header_is_told_by_column_and_by_the_nearest_member() {
        let Err(Failed(faults)) = columns(&["eventId", "custmer.id", "customer", "attributes", "eventId"])
        else {
            panic!("wrong")
        };
        let told = faults.join("\n");
        for part in [
            "column \"custmer.id\": an event has no member custmer.id; the nearest is customer.id",
            "column \"customer\": customer is a group",
            "name one, such as attributes.Branch",
            "columns \"eventId\" and \"eventId\" are both eventId",
            "no column is eventType",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
