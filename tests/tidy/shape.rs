//! The shape of a source file: how it begins, how long it is, how long its functions are, and that
//! it has no unsafe code.
//! Not a formatter: `cargo fmt` has the last word on layout.

use crate::rust_source::{Token, closing, code, tokens};

/// A file that does not begin by saying what it is.
pub(crate) fn opening(file: &str, text: &str) -> Option<String> {
    let begins = text.starts_with("//!");
    (!begins).then(|| {
        format!(
            "{file}: begins without `//!`; say in its first lines what it is, what it is not, \
             and its source"
        )
    })
}

/// A file that is longer than `most` lines.
pub(crate) fn long_file(file: &str, text: &str, most: usize) -> Option<String> {
    let lines = text.lines().count();
    (lines > most)
        .then(|| format!("{file}: {lines} lines, at most {most}; split it along what its parts are about"))
}

/// Functions longer than `most` lines, from `fn` to the closing brace.
pub(crate) fn long_functions(file: &str, text: &str, most: usize) -> Vec<String> {
    let tokens = tokens(&code(text));
    let starts = (0..tokens.len()).filter(|at| tokens[*at].text == "fn");
    let bodies = starts.filter_map(|at| Some((at, body_end(&tokens, at)?)));
    let long = bodies.filter_map(|(at, end)| {
        let lines = tokens[end].line - tokens[at].line + 1;
        (lines > most).then(|| {
            format!(
                "{file}:{}: the function `{}` has {lines} lines, at most {most}; give its steps \
                 names of their own",
                tokens[at].line,
                tokens[at + 1].text
            )
        })
    });
    long.collect()
}

/// Every place that says `unsafe`.
pub(crate) fn unsafe_code(file: &str, text: &str) -> Vec<String> {
    let tokens = tokens(&code(text));
    let places = tokens.iter().filter(|token| token.text == "unsafe");
    places
        .map(|token| format!("{file}:{}: `unsafe`; find the safe way, there is always one here", token.line))
        .collect()
}

/// The closing brace of the function whose `fn` is at `at`; nothing for a type or a declaration.
fn body_end(tokens: &[Token], at: usize) -> Option<usize> {
    let named = tokens.get(at + 1)?.text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut at = at;
    while named && at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => return Some(closing(tokens, at) - 1),
            "(" | "[" => at = closing(tokens, at),
            ";" => return None,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{long_file, long_functions, opening, unsafe_code};

    #[test]
    fn a_file_that_does_not_say_what_it_is_fails() {
        assert!(opening("a.rs", "//! What it is.\nfn f() {}").is_none());
        assert!(opening("a.rs", "use std::io;\n//! Too late.").is_some());
        assert!(opening("a.rs", "").is_some());
    }

    #[test]
    fn a_long_file_fails() {
        assert!(long_file("a.rs", &"x\n".repeat(5), 5).is_none());
        assert!(long_file("a.rs", &"x\n".repeat(6), 5).is_some());
    }

    #[test]
    fn a_long_function_fails_whatever_its_strings_say() {
        let function = |lines: usize| format!("fn f(a: [u8; 2]) {{\n{}}}", "g(\"}\");\n".repeat(lines));
        assert_eq!(long_functions("a.rs", &function(3), 5), Vec::<String>::new());
        assert_eq!(long_functions("a.rs", &function(4), 5).len(), 1);
        let no_body = "trait T { fn f(&self); }\n\n\n\n\n\nstruct S { f: fn(u8) }";
        assert_eq!(long_functions("a.rs", no_body, 5), Vec::<String>::new());
    }

    #[test]
    fn unsafe_code_fails_and_forbidding_it_passes() {
        assert_eq!(unsafe_code("a.rs", "#![forbid(unsafe_code)] // unsafe"), Vec::<String>::new());
        assert_eq!(unsafe_code("a.rs", "fn f() { unsafe { g() } }").len(), 1);
    }
}
