//! A text on its way to the hash, as somebody else may have made it; and one mistake that makes it differ.

use super::charset::Charset;
use super::{Told, Value};
use sha1::{Digest, Sha1};

/// What stands in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// What never was a text, as a secret key that was read as hexadecimal digits.
    Bytes(Vec<u8>),
}

/// What is hashed: fields in their order, what stands between and behind them, and how it becomes bytes.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) fields: Vec<(Value, Part)>,
    pub(super) between: &'static str,
    pub(super) behind: &'static str,
    pub(super) charset: Charset,
}

impl Draft {
    pub(super) fn new(fields: &[(Value, &str)]) -> Self {
        let fields = fields.iter().map(|(value, text)| (*value, Part::Text((*text).to_owned()))).collect();
        Self { fields, between: "", behind: "", charset: Charset::Utf8 }
    }

    /// Rewrites a field that is a text; `None` leaves it alone.
    pub(super) fn rewrite(&mut self, value: Value, rewrite: impl Fn(&str) -> Option<String>) {
        for (_, part) in self.fields.iter_mut().filter(|(name, _)| *name == value) {
            if let Part::Text(text) = part
                && let Some(rewritten) = rewrite(text)
            {
                *text = rewritten;
            }
        }
    }

    pub(super) fn remove(&mut self, value: Value) {
        self.fields.retain(|(name, _)| *name != value);
    }

    /// How much there is to hash, about.
    pub(super) fn length(&self) -> usize {
        let length = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Bytes(bytes) => bytes.len(),
        };
        self.fields.iter().map(|(_, part)| length(part)).sum()
    }

    pub(super) fn hash(&self) -> [u8; 20] {
        let mut bytes = self.charset.mark().to_vec();
        for (n, (_, part)) in self.fields.iter().enumerate() {
            if n > 0 {
                self.charset.write(self.between, &mut bytes);
            }
            match part {
                Part::Text(text) => self.charset.write(text, &mut bytes),
                Part::Bytes(raw) => bytes.extend_from_slice(raw),
            }
        }
        self.charset.write(self.behind, &mut bytes);
        Sha1::digest(&bytes).into()
    }
}

/// How a text is rewritten.
pub(super) type Rewrite = fn(&str) -> String;

/// What a mistake is about. Two of the same kind exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Layout,
    EmptyElements,
    Quotes,
    Declaration,
    References,
    Misread,
    Hyphens,
    End,
    LineEnds,
    Escaping,
    Mark,
    Secret,
    Channel,
    Callback,
    LeftOut,
    Order,
    /// Moves the payload as well. So unusual that it is tried alone only.
    WholeOrder,
    Between,
    Behind,
    Charset,
}

/// One thing that somebody may have done.
pub(super) struct Mistake {
    kind: Kind,
    what: String,
    cure: &'static str,
    pub(super) change: Box<dyn Fn(&mut Draft)>,
}

impl Mistake {
    pub(super) fn new(
        kind: Kind,
        what: impl Into<String>,
        cure: &'static str,
        change: impl Fn(&mut Draft) + 'static,
    ) -> Self {
        Self { kind, what: what.into(), cure, change: Box::new(change) }
    }

    pub(super) fn told(&self) -> Told {
        Told { mistake: self.what.clone(), cure: self.cure }
    }

    pub(super) fn goes_with(&self, other: &Self) -> bool {
        self.kind != other.kind && self.kind != Kind::WholeOrder && other.kind != Kind::WholeOrder
    }
}
