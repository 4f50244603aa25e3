//! Words that have no place in the tree, or only in some places of it.
//! The list itself is in `tests/tidy.rs`.

use std::path::Path;

use crate::rust_source::code;

/// Whether a word is looked for in the whole text or in the code alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Text,
    Code,
}

/// A banned word.
pub(crate) struct Banned {
    pub(crate) word: &'static str,
    pub(crate) reading: Reading,
    /// The folders and files where the ban holds; an empty path is the whole tree.
    pub(crate) within: &'static [&'static str],
    /// The folders and files where it does not.
    pub(crate) except: &'static [&'static str],
    /// What to do instead.
    pub(crate) instead: &'static str,
}

/// Every place where a banned word stands.
pub(crate) fn banned(file: &str, text: &str, words: &[Banned]) -> Vec<String> {
    let blanked = if is_rust(file) { code(text) } else { String::new() };
    let mut found = Vec::new();
    for banned in words.iter().filter(|banned| banned.holds(file)) {
        let read = if banned.reading == Reading::Code { &blanked } else { text };
        for (line, content) in read.lines().enumerate() {
            if contains_word(content, banned.word) {
                found.push(format!("{file}:{}: `{}`; {}", line + 1, banned.word, banned.instead));
            }
        }
    }
    found
}

impl Banned {
    fn holds(&self, file: &str) -> bool {
        (is_rust(file) || self.reading == Reading::Text)
            && self.within.iter().any(|place| below(file, place))
            && !self.except.iter().any(|place| below(file, place))
    }
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "rs")
}

/// `src/store` covers `src/store.rs` and everything in `src/store/`; `*.rs` covers all of Rust.
fn below(file: &str, place: &str) -> bool {
    if let Some(ending) = place.strip_prefix('*') {
        return file.ends_with(ending);
    }
    let rest = file.strip_prefix(place);
    rest.is_some_and(|rest| place.is_empty() || ["", ".rs"].contains(&rest) || rest.starts_with('/'))
}

/// Whether `word` stands in the line, not as the end of a longer word.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::{Banned, Reading, banned};

    const WORDS: &[Banned] = &[
        Banned {
            word: "shout!",
            reading: Reading::Code,
            within: &["src"],
            except: &["src/stage"],
            instead: "whisper",
        },
        Banned {
            word: "LATER",
            reading: Reading::Text,
            within: &[""],
            except: &["*.lock"],
            instead: "do it now",
        },
    ];

    #[test]
    fn a_banned_word_fails_with_its_line_and_its_remedy() {
        let found = banned("src/a.rs", "fn f() {\n    shout!();\n}", WORDS);
        assert_eq!(found, ["src/a.rs:2: `shout!`; whisper"]);
        assert_eq!(banned("notes.md", "LATER", WORDS).len(), 1);
        assert_eq!(banned("src/a.rs", "// LATER", WORDS).len(), 1);
    }

    #[test]
    fn a_word_in_its_allowed_place_passes() {
        for file in ["src/stage.rs", "src/stage/left.rs", "tests/a.rs"] {
            assert_eq!(banned(file, "shout!()", WORDS), Vec::<String>::new());
        }
        assert_eq!(banned("src/stages.rs", "shout!()", WORDS).len(), 1);
        assert_eq!(banned("a.lock", "LATER", WORDS), Vec::<String>::new());
    }

    #[test]
    fn comments_strings_and_longer_words_are_not_code() {
        let text = "// shout!\nlet a = \"shout!\"; reshout!(); _shout!();";
        assert_eq!(banned("src/a.rs", text, WORDS), Vec::<String>::new());
    }
}
