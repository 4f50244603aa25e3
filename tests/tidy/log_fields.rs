//! What may stand in a log line: the names of the fields of all events that `src/` traces, held against a list.
//! The list itself is in `tests/tidy.rs`.

use crate::rust_source::{Token, closing, code, tokens};

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];

/// Every field of a traced event that is not on the list, and what of the list no event has.
pub(crate) fn unlisted(files: &[(String, String)], list: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = Vec::new();
    for (file, text) in files {
        for (line, field) in fields(text) {
            if !list.contains(&field.as_str()) {
                found.push(format!(
                    "{file}:{line}: `{field}` is no field that may be logged; say in the list what it is, \
                     if it can never hold a person, a payload or a secret"
                ));
            }
            seen.push(field);
        }
    }
    let idle = list.iter().filter(|name| !seen.iter().any(|field| field == **name));
    found.extend(
        idle.map(|name| format!("tests/tidy.rs: no event has the field `{name}`; take it off the list")),
    );
    found
}

/// The fields of all traced events, with their lines.
fn fields(text: &str) -> Vec<(usize, String)> {
    let tokens = tokens(&code(text));
    let is =
        |at: usize, words: &[&str]| tokens.get(at).is_some_and(|token| words.contains(&token.text.as_str()));
    let begins = |at: &usize| {
        is(*at, &["tracing"])
            && is(at + 1, &["::"])
            && is(at + 2, LEVELS)
            && is(at + 3, &["!"])
            && is(at + 4, &["("])
    };
    let events = (0..tokens.len()).filter(begins).map(|at| &tokens[at + 5..closing(&tokens, at + 4)]);
    events.flat_map(arguments).collect()
}

/// The first word of each argument; a message is blank by now.
fn arguments(event: &[Token]) -> Vec<(usize, String)> {
    let (mut depth, mut found, mut is_first) = (0, Vec::new(), true);
    for token in event {
        match token.text.as_str() {
            "," if depth == 0 => is_first = true,
            "%" | "?" if is_first => {}
            word => {
                if is_first && word != ")" {
                    found.push((token.line, word.to_owned()));
                }
                is_first = false;
                match word {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" => depth -= 1,
                    _ => {}
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, list: &[&str]) -> Vec<String> {
        unlisted(&[("src/a.rs".to_owned(), text.to_owned())], list)
    }

    #[test]
    fn fields_on_the_list_pass() {
        let text = "fn a() { tracing::warn!(%tenant, to = push(a, b), ?why, took_ms, \"a, b\"); info!(x); }";
        assert!(found(text, &["tenant", "to", "why", "took_ms"]).is_empty());
    }

    #[test]
    fn a_field_that_is_not_on_the_list_fails_with_its_line() {
        let found = found("fn a() {\n tracing::error!(%tenant,\n customer = %c, \"m\");\n}", &["tenant"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("src/a.rs:3: `customer`"), "{found:?}");
    }

    #[test]
    fn what_no_event_has_is_no_field() {
        assert_eq!(found("fn a() { tracing::info!(\"m\"); }", &["customer"]).len(), 1);
    }
}
