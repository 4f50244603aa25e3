//! Golden files: what was expected lies beside each case; `UPDATE_FIXTURES=1` rewrites it, and the diff is the review.

use std::fs;
use std::path::{Path, PathBuf};

/// Compares with golden files, and gathers all differences before it complains.
#[derive(Default)]
pub(crate) struct Goldens {
    differences: Vec<String>,
}

impl Goldens {
    /// Compares a text with the file; without a text, the file must not be there.
    pub(crate) fn compare(&mut self, file: &Path, actual: Option<&str>) {
        let golden = fs::read_to_string(file).ok();
        if golden.as_deref() == actual {
            return;
        }
        if std::env::var_os("UPDATE_FIXTURES").is_some_and(|value| value == "1") {
            return update(file, actual);
        }
        let shown = |text: Option<&str>| text.unwrap_or("no file").to_owned();
        self.differ(format!(
            "{}\n  golden: {}\n  actual: {}",
            name(file),
            shown(golden.as_deref()),
            shown(actual)
        ));
    }

    /// Notes a difference that no rewriting mends.
    pub(crate) fn differ(&mut self, difference: String) {
        self.differences.push(difference);
    }

    pub(crate) fn finish(self) {
        let count = self.differences.len();
        assert!(count == 0, "{count} differ (UPDATE_FIXTURES=1 rewrites):\n{}", self.differences.join("\n"));
    }
}

fn update(file: &Path, actual: Option<&str>) {
    let folder: PathBuf = file.parent().map(Path::to_owned).unwrap_or_default();
    let written = match actual {
        Some(actual) => fs::create_dir_all(folder).and_then(|()| fs::write(file, actual)),
        None => fs::remove_file(file),
    };
    written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn name(file: &Path) -> String {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// JSON for reading: a line for each member and for each object in a list. Nothing but white space changes, so order
/// and the digits of numbers stay as they came.
pub(crate) fn laid_out(json: &str) -> String {
    let mut text = String::new();
    let mut broken: Vec<bool> = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = json.chars().peekable();
    let line = |depth: usize| format!("\n{}", "  ".repeat(depth));
    while let Some(c) = rest.next() {
        if in_string {
            text.push(c);
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '{' | '[' => {
                text.push(c);
                broken.push(broken.is_empty() || (c == '[' && rest.peek() == Some(&'{')));
                if broken.last() == Some(&true) {
                    text.push_str(&line(broken.len()));
                }
            }
            '}' | ']' => {
                if broken.pop() == Some(true) {
                    text.push_str(&line(broken.len()));
                }
                text.push(c);
            }
            ',' if broken.last() == Some(&true) => text.push_str(&format!(",{}", line(broken.len()))),
            ',' => text.push_str(", "),
            ':' => text.push_str(": "),
            _ => {
                in_string = c == '"';
                text.push(c);
            }
        }
    }
    text.push('\n');
    text
}
