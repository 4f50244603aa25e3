//! The events in the body of a batch, taken apart as it comes: lines of NDJSON, or the elements of one JSON array. Knows
//! where an event ends and not what is in it; holds one event at a time.

use super::body::SIZE_MAX;

/// One event of a batch, as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its line, or its place in the array; from 1.
    pub number: u64,
    /// Its bytes.
    pub body: Result<Vec<u8>, Wrong>,
}

/// Why a piece is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Over [`SIZE_MAX`].
    TooLarge,
    /// The array has no end, or something follows it.
    NoArray,
}

/// Takes a body apart.
#[derive(Debug)]
pub struct Pieces {
    form: Form,
    number: u64,
    /// The piece that has begun.
    begun: Vec<u8>,
    is_too_large: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// Nothing but white space has come; else the first character decides whether it is lines.
    Open {
        lines: bool,
    },
    Lines,
    Array(Walk),
    /// Behind the array's end; whether something stood there.
    Ended(bool),
}

/// Where in an array.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// Whether a comma stood before.
    after_comma: bool,
}

impl Pieces {
    /// `lines`: whatever it begins with.
    pub fn new(lines: bool) -> Self {
        Self { form: Form::Open { lines }, number: 0, begun: Vec::new(), is_too_large: false }
    }

    /// The pieces that end in what has come. Blank lines are counted, and left out.
    pub fn push(&mut self, mut bytes: &[u8], into: &mut Vec<Piece>) {
        while let Some((&first, rest)) = bytes.split_first() {
            match self.form {
                Form::Open { lines } => {
                    // A byte order mark is let pass, as white space is.
                    if first.is_ascii_whitespace() || matches!(first, 0xef | 0xbb | 0xbf) {
                        self.number += u64::from(first == b'\n');
                        bytes = rest;
                    } else if first == b'[' && !lines {
                        (self.form, self.number) = (Form::Array(Walk::default()), 0);
                        bytes = rest;
                    } else {
                        self.form = Form::Lines;
                    }
                }
                Form::Lines => bytes = self.line(bytes, into),
                Form::Array(walk) => bytes = self.element(walk, bytes, into),
                Form::Ended(followed) => {
                    self.form = Form::Ended(followed || !first.is_ascii_whitespace());
                    bytes = rest;
                }
            }
        }
    }

    /// What is left when no more comes.
    pub fn end(mut self, into: &mut Vec<Piece>) {
        match self.form {
            Form::Open { .. } | Form::Ended(false) => {}
            Form::Lines => self.emit(into, true),
            Form::Array(_) | Form::Ended(true) => {
                into.push(Piece { number: self.number + 1, body: Err(Wrong::NoArray) });
            }
        }
    }

    /// Up to the end of the line, or of what has come.
    fn line<'b>(&mut self, bytes: &'b [u8], into: &mut Vec<Piece>) -> &'b [u8] {
        match bytes.iter().position(|&byte| byte == b'\n') {
            Some(end) => {
                self.keep(&bytes[..end]);
                self.emit(into, true);
                &bytes[end + 1..]
            }
            None => {
                self.keep(bytes);
                &[]
            }
        }
    }

    /// Up to the end of the element, or of what has come.
    fn element<'b>(&mut self, mut walk: Walk, bytes: &'b [u8], into: &mut Vec<Piece>) -> &'b [u8] {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if walk.escaped => walk.escaped = false,
                b'\\' if walk.in_text => walk.escaped = true,
                b'"' => walk.in_text = !walk.in_text,
                _ if walk.in_text => {}
                b'{' | b'[' => walk.depth += 1,
                b'}' | b']' if walk.depth > 0 => walk.depth -= 1,
                b',' | b']' if walk.depth == 0 => {
                    self.keep(&bytes[..at]);
                    // `[]` has no element, and `[1,]` has one that is missing.
                    let may_be_none = byte == b']' && !walk.after_comma;
                    self.emit(into, may_be_none);
                    let walk = Walk { after_comma: true, ..Walk::default() };
                    self.form = if byte == b']' { Form::Ended(false) } else { Form::Array(walk) };
                    return &bytes[at + 1..];
                }
                _ => {}
            }
        }
        self.keep(bytes);
        self.form = Form::Array(walk);
        &[]
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_too_large |= self.begun.len() + bytes.len() > SIZE_MAX;
        if self.is_too_large {
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn emit(&mut self, into: &mut Vec<Piece>, may_be_none: bool) {
        let (begun, is_too_large) = (std::mem::take(&mut self.begun), std::mem::take(&mut self.is_too_large));
        self.number += 1;
        let is_blank = begun.iter().all(u8::is_ascii_whitespace);
        if is_too_large {
            into.push(Piece { number: self.number, body: Err(Wrong::TooLarge) });
        } else if !(is_blank && may_be_none) {
            into.push(Piece { number: self.number, body: Ok(begun) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(lines: bool, body: &[u8], step: usize) -> Vec<(u64, Result<String, Wrong>)> {
        let (mut pieces, mut into) = (Pieces::new(lines), Vec::new());
        for part in body.chunks(step) {
            pieces.push(part, &mut into);
        }
        pieces.end(&mut into);
        let text = |body: Vec<u8>| String::from_utf8(body).expect("UTF-8").trim().to_owned();
        into.into_iter().map(|piece| (piece.number, piece.body.map(text))).collect()
    }

    fn good(lines: &[(u64, &str)]) -> Vec<(u64, Result<String, Wrong>)> {
        lines.iter().map(|(number, text)| (*number, Ok((*text).to_owned()))).collect()
    }

    #[test]
    fn blank_lines_count_and_are_left_out() {
        for step in [1, 3, 1000] {
            let body = b"\n{\"a\":1}\r\n\r\n  \n{\"b\":2}\n{\"c\":3}";
            assert_eq!(
                taken(false, body, step),
                good(&[(2, "{\"a\":1}"), (5, "{\"b\":2}"), (6, "{\"c\":3}")])
            );
        }
        assert_eq!(taken(false, b"", 1), good(&[]));
    }

    #[test]
    fn elements_of_an_array_are_counted_from_one() {
        for step in [1, 2, 1000] {
            let body = br#" [ {"a":"],{\"["} , [1,[2]], "\\" ,7]  "#;
            let expected = [(1, r#"{"a":"],{\"["}"#), (2, "[1,[2]]"), (3, r#""\\""#), (4, "7")];
            assert_eq!(taken(false, body, step), good(&expected));
        }
        assert_eq!(taken(false, b"[]", 1), good(&[]));
        assert_eq!(taken(false, b"[{},]", 1), good(&[(1, "{}"), (2, "")]));
    }

    #[test]
    fn an_array_without_an_end_or_with_something_behind_it_says_so() {
        let no_array = |number| (number, Err(Wrong::NoArray));
        let mut expected = good(&[(1, "{}")]);
        expected.push(no_array(2));
        assert_eq!(taken(false, b"[{},{\"a\":1}", 2), expected);
        assert_eq!(taken(false, b"[{}] {}", 2), expected);
        assert_eq!(taken(false, b"[", 2), vec![no_array(1)]);
    }

    #[test]
    fn lines_stay_lines_where_the_media_type_says_so() {
        assert_eq!(taken(true, b"[1]\n[2]", 2), good(&[(1, "[1]"), (2, "[2]")]));
        assert_eq!(
            taken(true, b"\xef\xbb\xbf\n{}", 2),
            good(&[(2, "{}")]),
            "a byte order mark is none of it"
        );
    }

    #[test]
    fn a_piece_that_is_too_large_is_not_held() {
        let body = [b"{}\n".as_slice(), &vec![b'x'; SIZE_MAX + 1], b"\n{}"].concat();
        let pieces = taken(false, &body, 70_000);
        assert_eq!(pieces[1], (2, Err(Wrong::TooLarge)));
        assert_eq!((pieces.len(), &pieces[2]), (3, &(3, Ok("{}".to_owned()))));
    }

    proptest! {
        /// However a body is divided on its way, it comes apart the same.
        #[test]
        fn how_a_body_comes_makes_no_difference(body in "[\\[\\]{},:\" \\\\\n1a]{0,40}", step in 1..40usize) {
            prop_assert_eq!(taken(false, body.as_bytes(), step), taken(false, body.as_bytes(), 100));
        }
    }
}
