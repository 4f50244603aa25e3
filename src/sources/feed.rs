//! Where one member of an event comes from: places in the body of which the first with data counts, words in the place of
//! words, a constant, a default. What a platform did not fill in is missing, and not data.

use super::path::{Body, Path};
use crate::domain::event::Shape;
use crate::domain::field::Field;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where a member comes from.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    pub(super) paths: Vec<Path>,
    pub(super) taken_as: Option<As>,
    /// Words of the body, and what they mean.
    pub(super) words: BTreeMap<String, String>,
    /// Where no place has data.
    pub(super) otherwise: Option<Constant>,
    /// What the member must be; anything, below an open group.
    pub(super) shape: Option<Shape>,
}

/// What a text is taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// A text in quotes that is a number.
    Number,
    /// `"true"` and `"false"`.
    Boolean,
    /// Any scalar.
    Text,
}

impl As {
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("number", Self::Number), ("boolean", Self::Boolean), ("text", Self::Text)];
}

/// A value that the source brings itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    Text(String),
    Number(String),
    Bool(bool),
}

impl Constant {
    pub(super) fn field(&self) -> Field<'_> {
        match self {
            Self::Text(text) => Field::Text(Cow::Borrowed(text)),
            Self::Number(text) => Field::Number(text),
            Self::Bool(value) => Field::Bool(*value),
        }
    }

    /// Whether a member of that shape can be it.
    pub(super) fn fits(&self, shape: Option<Shape>) -> bool {
        match (shape, self) {
            (None, _) | (Some(Shape::Text), Self::Text(_)) | (Some(Shape::Boolean), Self::Bool(_)) => true,
            (Some(Shape::Money), Self::Number(text)) => crate::domain::event::is_money(text),
            _ => false,
        }
    }
}

impl Feed {
    /// The places in the body that it is looked for at.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// What a text is taken as.
    pub fn taken_as(&self) -> Option<As> {
        self.taken_as
    }

    /// What the member must be.
    pub fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// Whether the body has data for it.
    pub(super) fn finds(&self, body: &Body<'_>) -> bool {
        self.paths.iter().any(|path| path.find(body).into_iter().any(is_filled))
    }

    /// The member's value.
    pub(super) fn take<'b>(&'b self, body: &Body<'b>) -> Option<Field<'b>> {
        let mut found = self.paths.iter().flat_map(|path| path.find(body)).filter(|field| is_filled(field));
        match found.next() {
            Some(field) => Some(self.convert(field)),
            None => self.otherwise.as_ref().map(Constant::field),
        }
    }

    fn convert<'b>(&'b self, field: &'b Field<'b>) -> Field<'b> {
        match (self.taken_as, self.shape, field) {
            (Some(As::Number), _, Field::Text(text)) if is_number(text.trim()) => Field::Number(text.trim()),
            (Some(As::Boolean), _, Field::Text(text)) => match text.trim() {
                "true" => Field::Bool(true),
                "false" => Field::Bool(false),
                _ => field.clone(),
            },
            // Nothing is lost where a number or a truth stands as text.
            (Some(As::Text), ..) | (None, Some(Shape::Text), _) => self.word(as_text(field)),
            (None, Some(Shape::Open), Field::Object(members)) => {
                let filled = members.iter().filter(|(_, value)| !is_macro(value));
                Field::Object(filled.cloned().collect())
            }
            _ => self.word(field.clone()),
        }
    }

    fn word<'b>(&'b self, field: Field<'b>) -> Field<'b> {
        match &field {
            Field::Text(text) => match self.words.get(text.as_ref()) {
                Some(word) => Field::Text(Cow::Borrowed(word)),
                None => field,
            },
            _ => field,
        }
    }
}

fn as_text<'b>(field: &'b Field<'b>) -> Field<'b> {
    match field {
        Field::Number(text) => Field::Text(Cow::Borrowed(text)),
        Field::Bool(value) => Field::Text(Cow::Borrowed(if *value { "true" } else { "false" })),
        other => other.clone(),
    }
}

fn is_filled(field: &Field<'_>) -> bool {
    field.has_data() && !is_macro(field)
}

/// A template that the platform left as it stood: `${input.customer_id}`, `$!{…}`, `$esc.jsonString(…)`.
fn is_macro(field: &Field<'_>) -> bool {
    let Field::Text(text) = field else { return false };
    let text = text.trim();
    let reference = (text.starts_with("${") || text.starts_with("$!{")) && text.ends_with('}');
    let escape = text.strip_prefix("$!").or_else(|| text.strip_prefix('$')).unwrap_or_default();
    reference || (escape.starts_with("esc.") && escape.ends_with(')'))
}

/// A number as JSON has it.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole)
        && digits(decimals)
        && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Field<'_> {
        Field::Text(text.into())
    }

    #[test]
    fn what_a_platform_left_unfilled_is_a_macro() {
        for unfilled in [
            "${input.customer_id}",
            "$!{input.customer_id}",
            " ${interaction.x} ",
            "${now()}",
            "$esc.jsonString(${input.contactId})",
            "$!esc.jsonEncode($!{input.contactId})",
            "${credentials.token}",
        ] {
            assert!(is_macro(&text(unfilled)), "{unfilled}");
        }
        for data in ["", "C-1", "$", "$5", "{x}", "{contactId}", "US$", "${", "}", "$escape(1)", "cost: ${x}"]
        {
            assert!(!is_macro(&text(data)), "{data}");
        }
        assert!(!is_macro(&Field::Number("1")));
    }

    #[test]
    fn a_number_is_one_as_json_has_it() {
        for number in ["0", "-1", "12500.00", "1e5", "1.5E-3", "0.1"] {
            assert!(is_number(number) && serde_json::from_str::<f64>(number).is_ok(), "{number}");
        }
        for other in ["", "-", "01", "1.", ".5", "1,5", "1e", "+1", "NaN", "0x1", "1 0", "١"] {
            assert!(!is_number(other) && serde_json::from_str::<f64>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_first_place_with_data_counts_and_words_are_translated() {
        let body = Field::Object(vec![
            ("a".into(), text("${input.a}")),
            ("b".into(), text(" ")),
            ("c".into(), Field::Number("00.70")),
            ("kind".into(), text("wire")),
        ]);
        let path = |name: &str| Path::parse(&format!("$.{name}")).expect("a path");
        let mut feed = Feed { shape: Some(Shape::Text), ..Feed::default() };
        feed.paths = ["a", "b", "c"].map(path).into();
        assert_eq!(feed.take(&Body::new(&body)), Some(text("00.70")));
        feed.paths = ["a", "kind"].map(path).into();
        feed.words.insert("wire".to_owned(), "WireTransfer".to_owned());
        assert_eq!(feed.take(&Body::new(&body)), Some(text("WireTransfer")));
        feed.paths.truncate(1);
        assert_eq!((feed.take(&Body::new(&body)), feed.finds(&Body::new(&body))), (None, false));
        feed.otherwise = Some(Constant::Text("Other".to_owned()));
        assert_eq!(feed.take(&Body::new(&body)), Some(text("Other")));
    }
}
