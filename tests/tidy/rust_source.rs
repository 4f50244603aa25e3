//! Reads Rust source as far as the house's rules need it: comments and literals blanked, tokens with
//! their lines, test-only items dropped, the paths a file names.
//! Not a compiler: macros are not expanded and names are not resolved beyond `use`, `mod`, `self`
//! and `super`.
//! Source: the lexical structure chapter of the Rust Reference.

/// One token: an identifier, `::`, or a single other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The text with comments and the insides of string and character literals blanked.
/// Line ends stay, so line numbers stay true.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_end(&chars, at);
        if end == at {
            let word = word_end(&chars, at);
            out.extend(&chars[at..word]);
            at = word;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The tokens of blanked text.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let chars: Vec<char> = code.chars().collect();
    let (mut found, mut line, mut at) = (Vec::new(), 1, 0);
    while at < chars.len() {
        let end = match chars[at] {
            ':' if chars.get(at + 1) == Some(&':') => at + 2,
            _ => word_end(&chars, at),
        };
        if chars[at] == '\n' {
            line += 1;
        }
        if !chars[at].is_whitespace() {
            found.push(Token { text: chars[at..end].iter().collect(), line });
        }
        at = end;
    }
    found
}

/// The tokens without the items under `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(tokens, at) {
            at = item_end(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The index just after the bracket that closes the one at `open`.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// The modules declared as `#[cfg(test)] mod name;`: their files are tests.
pub(crate) fn test_modules(tokens: &[Token]) -> Vec<String> {
    let items = (0..tokens.len()).filter(|at| is_test_attribute(tokens, *at));
    items
        .filter_map(|at| match &tokens[at..item_end(tokens, at)] {
            [.., keyword, name, end] if keyword.text == "mod" && end.text == ";" => Some(name.text.clone()),
            _ => None,
        })
        .collect()
}

/// Where the item that begins at `from` (with its attributes) ends: after its `;` or its block.
pub(crate) fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "}" => return at,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn is_test_attribute(tokens: &[Token], at: usize) -> bool {
    let text = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text.as_str());
    if text(0) != "#" || text(1) != "[" || text(2) != "cfg" {
        return false;
    }
    let inside = &tokens[at..closing(tokens, at + 1)];
    let has = |word: &str| inside.iter().any(|t| t.text == word);
    has("test") && !has("not") && !has("any")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of the identifier at `at`, or of the single character there. `r#type` is one word.
fn word_end(chars: &[char], at: usize) -> usize {
    let mut end = at;
    if chars[at] == 'r' && chars.get(at + 1) == Some(&'#') {
        end = at + 2;
    }
    while end < chars.len() && is_word(chars[end]) {
        end += 1;
    }
    end.max(at + 1)
}

/// The end of the comment or literal that begins at `at`; `at` itself where none does.
fn blank_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    match chars[at] {
        '/' if next == '/' => position(chars, at, |c| c == '\n'),
        '/' if next == '*' => block_comment_end(chars, at),
        '"' => quoted_end(chars, at, '"'),
        '\'' => character_end(chars, at),
        'b' | 'c' if next == '"' => quoted_end(chars, at + 1, '"'),
        'b' if next == '\'' => quoted_end(chars, at + 1, '\''),
        'b' | 'c' if next == 'r' => raw_end(chars, at + 1).unwrap_or(at),
        'r' => raw_end(chars, at).unwrap_or(at),
        _ => at,
    }
}

fn position(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| wanted(*c)).map_or(chars.len(), |found| from + found)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut end) = (0_usize, at);
    while end + 1 < chars.len() {
        match (chars[end], chars[end + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                end += 1;
                continue;
            }
        }
        end += 2;
        if depth == 0 {
            return end;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], open: usize, quote: char) -> usize {
    let mut end = open + 1;
    while end < chars.len() && chars[end] != quote {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(chars.len())
}

/// A character literal, or nothing where the quote begins a lifetime.
fn character_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) | (_, Some('\'')) => quoted_end(chars, at, '\''),
        _ => at,
    }
}

/// The end of a raw string whose `r` is at `at`.
fn raw_end(chars: &[char], at: usize) -> Option<usize> {
    let open = position(chars, at + 1, |c| c != '#');
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let hashes = open - at - 1;
    let ends = |end: &usize| {
        chars[*end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..chars.len()).find(ends).map(|end| end + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::{code, test_modules, tokens, without_tests};

    fn words(text: &str) -> Vec<String> {
        without_tests(&tokens(&code(text))).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a // b\n/* c /* d\n */ e */ f(\"g\\\"h\", r#\"i\"j\"#, b'k', 'l', '\\'', m::<'n>)";
        let blank = code(text);
        assert_eq!(blank.lines().count(), text.lines().count());
        assert_eq!(words(text), ["a", "f", "(", ",", ",", ",", ",", ",", "m", "::", "<", "'", "n", ">", ")"]);
    }

    #[test]
    fn a_word_that_ends_in_r_or_b_does_not_open_a_literal() {
        assert_eq!(words("for r#type in number { x }"), ["for", "r#type", "in", "number", "{", "x", "}"]);
    }

    #[test]
    fn items_under_cfg_test_are_dropped_and_nothing_else() {
        let text = "use a; #[cfg(test)] #[allow(x)] mod tests { fn f() { b } } \
                    #[cfg(not(test))] fn g() {} #[cfg(all(test, unix))] use c; fn h() {}";
        let left = words(text).join(" ");
        assert!(left.contains("use a") && left.contains("fn g") && left.contains("fn h"));
        assert!(!left.contains('b') && !left.contains("use c"));
    }

    #[test]
    fn a_module_file_under_cfg_test_is_known_by_name() {
        assert_eq!(test_modules(&tokens("mod a; #[cfg(test)] mod b; mod c;")), ["b"]);
    }
}
