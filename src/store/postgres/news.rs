//! What gateways tell each other in passing. Who misses it finds it in the database a little later.

use crate::application::ports::Seq;

const SEPARATOR: char = '\u{1f}';

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// An event has a decision now.
    Decided { tenant: String, event_id: String },
    /// A newer event of its customer waits for a delivery of this gateway.
    Hurry { owner: i32, seq: Seq },
}

impl News {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Decided { tenant, event_id } => format!("decided{SEPARATOR}{tenant}{SEPARATOR}{event_id}"),
            Self::Hurry { owner, seq } => format!("hurry{SEPARATOR}{owner}{SEPARATOR}{seq}"),
        }
    }

    /// Reads a text; a newer gateway may tell what this one does not know.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, SEPARATOR);
        let (kind, first, second) = (words.next()?, words.next()?, words.next()?);
        match kind {
            "decided" => Some(Self::Decided { tenant: first.to_owned(), event_id: second.to_owned() }),
            "hurry" => Some(Self::Hurry { owner: first.parse().ok()?, seq: second.parse().ok()? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_read_back() {
        let decided = News::Decided { tenant: "first bank".to_owned(), event_id: "e-1".to_owned() };
        for news in [decided, News::Hurry { owner: 3, seq: 7 << 40 }] {
            assert_eq!(News::read(&news.text()), Some(news));
        }
        for unknown in ["", "decided", "decided\u{1f}bank", "hurry\u{1f}x\u{1f}7", "other\u{1f}1\u{1f}2"] {
            assert_eq!(News::read(unknown), None, "{unknown:?}");
        }
    }
}
