//! A JSONPath (RFC 9535) over a body's fields. One that names a single place, as most do, is walked; any other is asked
//! of a library, and what it finds is looked up in the fields again, so that numbers keep their text.

use crate::domain::field::Field;
use serde_json::Value;
use serde_json_path::{JsonPath, NormalizedPath, PathElement};
use std::cell::OnceCell;

/// The longest path, in characters.
const LENGTH_MAX: usize = 512;

/// What a path may have at most: each of them multiplies what reading or asking it costs.
const MOST: [(&str, usize, &str); 3] = [("?", 4, "filters"), ("..", 2, "descents"), ("(", 8, "groups")];

/// A path.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    /// To one place.
    Walked(Vec<Step>),
    /// To as many as there are.
    Asked(JsonPath),
}

/// A step of a way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Name(String),
    Item(usize),
}

/// A body, and the library's view of it, made when it is first needed.
pub(super) struct Body<'b> {
    pub(super) fields: &'b Field<'b>,
    value: OnceCell<Value>,
}

impl<'b> Body<'b> {
    pub(super) fn new(fields: &'b Field<'b>) -> Self {
        Self { fields, value: OnceCell::new() }
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// It is none; says where and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > LENGTH_MAX {
            return Err(format!("is longer than {LENGTH_MAX} characters"));
        }
        if let Some((_, most, what)) = MOST.iter().find(|(mark, most, _)| text.matches(mark).count() > *most)
        {
            return Err(format!("has more than {most} {what}"));
        }
        let asked = JsonPath::parse(text).map_err(|error| {
            let place = error.position() + 1;
            format!("is no JSONPath (RFC 9535) from character {place} on; write it such as \"$.caller.id\"")
        })?;
        let way = walked(text).map_or(Way::Asked(asked), Way::Walked);
        Ok(Self { text: text.to_owned(), way })
    }

    /// The path as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names on the way to a single place, where all of its steps are names.
    pub fn names(&self) -> Option<Vec<&str>> {
        let Way::Walked(steps) = &self.way else { return None };
        steps
            .iter()
            .map(|step| if let Step::Name(name) = step { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The path for people: `data.amount`.
    pub fn shown(&self) -> String {
        let dotted = self.names().filter(|names| !names.is_empty()).map(|names| names.join("."));
        dotted.unwrap_or_else(|| self.text.clone())
    }

    /// Every place that it leads to.
    pub(super) fn places(&self, body: &Body<'_>) -> Vec<Vec<Step>> {
        match &self.way {
            Way::Walked(steps) => vec![steps.clone()],
            Way::Asked(query) => {
                let value = body.value.get_or_init(|| value_of(body.fields));
                query.query_located(value).locations().map(steps_of).collect()
            }
        }
    }

    /// The fields at these places, in order.
    pub(super) fn find<'b>(&self, body: &Body<'b>) -> Vec<&'b Field<'b>> {
        match &self.way {
            Way::Walked(steps) => at(body.fields, steps).into_iter().collect(),
            Way::Asked(_) => self.places(body).iter().filter_map(|steps| at(body.fields, steps)).collect(),
        }
    }
}

fn at<'b>(fields: &'b Field<'b>, steps: &[Step]) -> Option<&'b Field<'b>> {
    steps.iter().try_fold(fields, |field, step| match (step, field) {
        (Step::Name(name), field) => field.member(name),
        (Step::Item(place), Field::List(items)) => items.get(*place),
        (Step::Item(_), _) => None,
    })
}

/// The steps of a path that names one place without escapes; the grammar has been checked.
fn walked(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, behind) = match rest.strip_prefix('.') {
            Some(name) => shorthand(name)?,
            None => bracket(rest.strip_prefix('[')?)?,
        };
        steps.push(step);
        rest = behind;
    }
    Some(steps)
}

fn shorthand(text: &str) -> Option<(Step, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty()).then(|| (Step::Name(name.to_owned()), rest))
}

fn bracket(text: &str) -> Option<(Step, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (name, rest) = text[1..].split_once(quote)?;
        let step = (!name.contains('\\')).then(|| Step::Name(name.to_owned()))?;
        return Some((step, rest.strip_prefix(']')?));
    }
    let (place, rest) = text.split_once(']')?;
    Some((Step::Item(place.parse().ok()?), rest))
}

fn steps_of(place: &NormalizedPath<'_>) -> Vec<Step> {
    let step = |element: &PathElement<'_>| match element {
        PathElement::Name(name) => Step::Name((*name).to_owned()),
        PathElement::Index(place) => Step::Item(*place),
    };
    place.iter().map(step).collect()
}

/// The body as the library wants it; a number that it can't hold is as large as it can.
fn value_of(field: &Field<'_>) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| f64::MAX.into()),
        Field::Text(text) => text.as_ref().into(),
        Field::List(items) => items.iter().map(value_of).collect(),
        Field::Object(members) => {
            members.iter().map(|(name, value)| (name.clone().into_owned(), value_of(value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Field<'static> {
        let object = |name: &'static str, amount| {
            Field::Object(vec![("name".into(), Field::Text(name.into())), ("amount".into(), amount)])
        };
        let items =
            vec![object("first", Field::Number("12500.00")), object("second", Field::Number("1e400"))];
        Field::Object(vec![
            ("a b".into(), Field::Text("spaced".into())),
            ("items".into(), Field::List(items)),
            ("é".into(), Field::Bool(true)),
        ])
    }

    #[test]
    fn a_path_that_would_cost_more_than_it_is_worth_is_none() {
        let nested = format!("$.steps{}", "[?@.names".repeat(24));
        for (text, what) in
            [(nested.as_str(), "filters"), ("$..*..*..*", "descents"), ("$[?((((((((( @.a", "groups")]
        {
            assert!(Path::parse(text).is_err_and(|why| why.contains(what)), "{text}");
        }
        assert!(Path::parse("$..items[?@.kind == 'a' && @.n > 1].value").is_ok());
    }

    #[test]
    fn one_place_is_walked_and_many_are_asked_for() {
        let fields = fields();
        let body = Body::new(&fields);
        for (path, is_walked, found) in [
            ("$['a b']", true, vec![Field::Text("spaced".into())]),
            ("$[\"a b\"]", true, vec![Field::Text("spaced".into())]),
            ("$.é", true, vec![Field::Bool(true)]),
            ("$.items[0].amount", true, vec![Field::Number("12500.00")]),
            ("$.items[-1].name", false, vec![Field::Text("second".into())]),
            ("$.items[?@.name == 'first'].amount", false, vec![Field::Number("12500.00")]),
            ("$..amount", false, vec![Field::Number("12500.00"), Field::Number("1e400")]),
            ("$['\\u0061 b']", false, vec![Field::Text("spaced".into())]),
            ("$.items[7]", true, vec![]),
            ("$.nothing.at.all", true, vec![]),
            ("$.items.name", true, vec![]),
        ] {
            let read = Path::parse(path).expect(path);
            assert_eq!(matches!(read.way, Way::Walked(_)), is_walked, "{path}");
            assert_eq!(read.find(&body).into_iter().cloned().collect::<Vec<_>>(), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_told_where() {
        for bad in ["", "caller.id", "$.", "$.a[", "$.a-b", "$.items[01]", "$[?@.a ==]", "$ "] {
            let why = Path::parse(bad).expect_err(bad);
            assert!(why.contains("RFC 9535") && why.contains("from character"), "{bad}: {why}");
        }
        assert!(Path::parse(&format!("$.{}", "a".repeat(600))).is_err());
    }

    #[test]
    fn it_is_shown_as_callers_write_it() {
        for (path, shown, names) in [
            ("$.data.amount", "data.amount", true),
            ("$['data'].amount", "data.amount", true),
            ("$.items[0]", "$.items[0]", false),
            ("$", "$", true),
        ] {
            let path = Path::parse(path).expect("a path");
            assert_eq!((path.shown().as_str(), path.names().is_some()), (shown, names));
        }
    }
}
