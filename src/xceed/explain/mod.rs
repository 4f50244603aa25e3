//! Why a hash differs from the right one: tries the usual mistakes of those who sign, alone and in pairs, until one
//! reproduces the hash at hand. A pure function with a bound on its work; it signs nothing that is sent.
//! Source: "Signing API Requests" on the vendor's public developer page, and what programs are known to do to a text
//! on its way to a hash.

mod charset;
mod draft;
mod mistakes;
mod payload;

use super::operations::Value;
use super::signature::Case;
use draft::{Draft, Mistake};
use std::collections::HashSet;

/// So many bytes are hashed for pairs of mistakes before the rest is given up: some seconds at most.
const PAIRS_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What is signed, and what else is known of who signs.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// What is hashed, in its order.
    pub fields: &'a [(Value, &'a str)],
    /// How the digits are written.
    pub case: Case,
    /// The callback id, where one is asked for.
    pub callback_id: Option<&'a str>,
    /// The secret key that comes next.
    pub next_key: Option<&'a str>,
    /// Channels that the same tenant uses for other events.
    pub other_channels: &'a [&'a str],
}

/// What was found out about a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The mistakes that, made together, give this hash; none where it is right. `None` where nothing that was tried
    /// gives it.
    pub mistakes: Option<Vec<Told>>,
    /// How many single mistakes and pairs were tried.
    pub tried: usize,
    /// Whether all pairs were tried; a large payload makes them too many.
    pub all_pairs: bool,
}

/// A mistake in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was done.
    pub mistake: String,
    /// What to do instead.
    pub cure: &'static str,
}

/// What is tried, in words.
pub const TRIED: &str = "\
line ends (CRLF, CR), a line end behind the payload or the whole text, or none where there is one; a byte order mark; \
white space trimmed; the payload escaped or unescaped once more, or in CDATA; indented or made compact, with or \
without an XML declaration, empty elements and quotes in another form, characters as references; look-alikes of the \
hyphen; UTF-16, ISO-8859-1, Windows-1252 or US-ASCII instead of UTF-8; fields in another order, left out, or with \
something between them; the callback id elsewhere; the channel in another case or of another event type; the secret \
key with a line end, a space or quotes, in upper case, as bytes, or the next one";

/// Reads 40 hexadecimal digits of either case.
pub fn read_hash(digits: &str) -> Option<[u8; 20]> {
    hex::decode(digits).ok()?.try_into().ok()
}

/// Finds out how the hash `given`, 40 hexadecimal digits, came about.
pub fn explain(signing: &Signing<'_>, given: &str) -> Explanation {
    let mut search = Search { wanted: read_hash(given), seen: HashSet::new(), tried: 0, all_pairs: true };
    let found = search.run(signing);
    let mistakes = found.map(|mut told| {
        told.extend(wrong_case(given, signing.case));
        told
    });
    Explanation { mistakes, tried: search.tried, all_pairs: search.all_pairs }
}

/// The digits are compared as text.
fn wrong_case(given: &str, case: Case) -> Option<Told> {
    let (is_wrong, mistake, cure): (fn(char) -> bool, _, _) = match case {
        Case::Lower => (
            |c| c.is_ascii_uppercase(),
            "the digits of the hash were written in upper case",
            "write them in lower case, 0-9a-f: they are compared as text",
        ),
        Case::Upper => (
            |c| c.is_ascii_lowercase(),
            "the digits of the hash were written in lower case",
            "write them in upper case, 0-9A-F: they are compared as text",
        ),
    };
    given.contains(is_wrong).then(|| Told { mistake: mistake.to_owned(), cure })
}

struct Search {
    wanted: Option<[u8; 20]>,
    /// Hashes of what was tried; what gives the same as something before is no mistake of its own.
    seen: HashSet<[u8; 20]>,
    tried: usize,
    all_pairs: bool,
}

impl Search {
    fn run(&mut self, signing: &Signing<'_>) -> Option<Vec<Told>> {
        let right = Draft::new(signing.fields);
        if self.matches(&right) {
            return Some(Vec::new());
        }
        let all = mistakes::all(signing);
        let mut singles: Vec<(&Mistake, Draft)> = Vec::new();
        for mistake in &all {
            let mut draft = right.clone();
            (mistake.change)(&mut draft);
            if !self.seen.contains(&draft.hash()) {
                self.tried += 1;
                if self.matches(&draft) {
                    return Some(vec![mistake.told()]);
                }
                singles.push((mistake, draft));
            }
        }
        self.pairs(&singles)
    }

    /// Each two mistakes of different kinds, the first of them made first.
    fn pairs(&mut self, singles: &[(&Mistake, Draft)]) -> Option<Vec<Told>> {
        let mut hashed = 0;
        for (n, (first, draft)) in singles.iter().enumerate() {
            for (second, _) in singles[n + 1..].iter().filter(|(second, _)| first.goes_with(second)) {
                if hashed > PAIRS_BYTES_MAX {
                    self.all_pairs = false;
                    return None;
                }
                let mut both = draft.clone();
                (second.change)(&mut both);
                hashed += both.length();
                self.tried += 1;
                if self.matches(&both) {
                    return Some(vec![first.told(), second.told()]);
                }
            }
        }
        None
    }

    fn matches(&mut self, draft: &Draft) -> bool {
        let hash = draft.hash();
        self.seen.insert(hash);
        self.wanted == Some(hash)
    }
}

#[cfg(test)]
mod tests;
