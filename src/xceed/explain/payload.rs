//! What happens to a payload between the one who signs it and the one who sends it. In the order in which a program
//! would do it: laid out, written as XML, written as text, escaped.

use super::charset::Charset;
use super::draft::{Kind, Mistake, Rewrite};
use crate::xceed::operations::Value;
use crate::xceed::rewriting::{
    EmptyElement, compact, indented, with_empty_elements, with_quotes, without_declaration,
};
use quick_xml::escape::{minimal_escape, partial_escape, unescape};

const WRITTEN_AGAIN: &str = "sign the very text that is sent, and send the text that was signed: don't let another XML library or a \
     formatter write it again in between";
const ONE_LINE_END: &str = "sign what a parser hands over: it turns CRLF and CR into LF. Look for a text mode, git's autocrlf, or a writer \
     with the line ends of Windows; send and sign LF";
const NOTHING_BEHIND: &str = "hash the payload from its first < to its last > and nothing else: printf '%s' instead of echo, an editor that \
     adds no last line, no line-wise reader";
const AS_UNESCAPED: &str = "sign the payload as it reads after the envelope was parsed, once unescaped: build the text, sign it, and let \
     the SOAP library escape it when it is sent";
const NO_MARK: &str = "write UTF-8 without a byte order mark (U+FEFF)";
const TRUE_HYPHEN: &str = "write the ASCII hyphen-minus (U+002D), as in -1.00 and 0000-00-00: look-alikes come from documents and pages \
     that typeset it";
const READ_AS_UTF_8: &str = "read and write the payload as UTF-8 everywhere on its way";

/// The declarations that XML libraries write.
const DECLARATIONS: [&str; 8] = [
    r#"<?xml version="1.0" encoding="UTF-8"?>"#,
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    "<?xml version='1.0' encoding='UTF-8'?>",
    "<?xml version='1.0' encoding='utf-8'?>",
    r#"<?xml version="1.0"?>"#,
    r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#,
    r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>"#,
    r#"<?xml version="1.0" encoding="utf-16"?>"#,
];

/// Hyphen, non-breaking hyphen, figure dash, en dash, em dash, horizontal bar, minus sign.
const HYPHENS: [char; 7] =
    ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];
/// The words for missing data that hold a hyphen.
const FILLED_WORDS: [&str; 2] = ["-1.00", "0000-00-00"];

pub(super) fn mistakes() -> Vec<Mistake> {
    let lists = [
        layouts(),
        empty_elements(),
        quotes(),
        declarations(),
        references(),
        misreadings(),
        hyphens(),
        ends(),
        line_ends(),
        escapings(),
        marks(),
    ];
    lists.into_iter().flatten().collect()
}

fn of_payload(
    kind: Kind,
    what: impl Into<String>,
    cure: &'static str,
    rewrite: impl Fn(&str) -> Option<String> + 'static,
) -> Mistake {
    Mistake::new(kind, what, cure, move |draft| draft.rewrite(Value::Payload, &rewrite))
}

fn layouts() -> Vec<Mistake> {
    let indent = |what: &str, indent: &'static str| {
        let what = format!("the payload was indented, {what} for each level");
        of_payload(Kind::Layout, what, WRITTEN_AGAIN, move |text| indented(text, indent))
    };
    let what = "white space between the payload's elements was left out";
    vec![
        indent("2 spaces", "  "),
        indent("4 spaces", "    "),
        indent("a tab", "\t"),
        of_payload(Kind::Layout, what, WRITTEN_AGAIN, compact),
    ]
}

fn empty_elements() -> Vec<Mistake> {
    let form = |example: &str, form| {
        let what = format!("the payload's empty elements were written as {example}");
        of_payload(Kind::EmptyElements, what, WRITTEN_AGAIN, move |text| with_empty_elements(text, form))
    };
    vec![
        form("<a></a>", EmptyElement::OpenClose),
        form("<a/>", EmptyElement::SelfClosing),
        form("<a />", EmptyElement::SelfClosingSpaced),
    ]
}

fn quotes() -> Vec<Mistake> {
    let with = |name: &str, quote| {
        let what = format!("the payload's attributes were written in {name} quotes");
        of_payload(Kind::Quotes, what, WRITTEN_AGAIN, move |text| with_quotes(text, quote))
    };
    vec![with("single", '\''), with("double", '"')]
}

fn declarations() -> Vec<Mistake> {
    let cure = "sign the payload as it is sent: with the same XML declaration, or without one";
    let mut list = Vec::new();
    for declaration in DECLARATIONS {
        for (behind, name) in [("", ""), ("\n", " and a line end (LF)"), ("\r\n", " and a line end (CRLF)")] {
            let what = format!("an XML declaration was put before the payload: {declaration}{name}");
            list.push(of_payload(Kind::Declaration, what, cure, move |text| {
                let body = without_declaration(text);
                Some(format!("{declaration}{behind}{}", body.as_deref().unwrap_or(text)))
            }));
        }
    }
    let what = "the payload's XML declaration was left out";
    list.push(of_payload(Kind::Declaration, what, cure, without_declaration));
    list
}

fn references() -> Vec<Mistake> {
    type Reference = fn(u32) -> String;
    let list: [(&str, Reference); 3] = [
        ("&#8364;", |code| format!("&#{code};")),
        ("&#x20AC;", |code| format!("&#x{code:X};")),
        ("&#x20ac;", |code| format!("&#x{code:x};")),
    ];
    let mistake = |(example, reference): (&str, Reference)| {
        let what = format!("characters beyond ASCII were written as references such as {example}");
        of_payload(Kind::References, what, WRITTEN_AGAIN, move |text| {
            let written = |c: char| if c.is_ascii() { c.to_string() } else { reference(c as u32) };
            Some(text.chars().map(written).collect())
        })
    };
    list.map(mistake).into()
}

fn misreadings() -> Vec<Mistake> {
    let mistake = |charset: Charset| {
        let what = format!("the payload's UTF-8 was read as {} and written again", charset.name());
        of_payload(Kind::Misread, what, READ_AS_UTF_8, move |text| Some(charset.misread(text)))
    };
    [Charset::Windows1252, Charset::Latin1].map(mistake).into()
}

fn hyphens() -> Vec<Mistake> {
    let mut list = Vec::new();
    for hyphen in HYPHENS {
        let name = format!("U+{:04X}", hyphen as u32);
        let what = format!("{name} stood for the hyphen in -1.00 and 0000-00-00");
        list.push(of_payload(Kind::Hyphens, what, TRUE_HYPHEN, move |text| {
            let replace = |text: String, word: &str| {
                text.replace(&format!(">{word}<"), &format!(">{}<", word.replace('-', &hyphen.to_string())))
            };
            Some(FILLED_WORDS.into_iter().fold(text.to_owned(), replace))
        }));
        let what = format!("{name} stood for every hyphen of the payload");
        let every = move |text: &str| Some(text.replace('-', &hyphen.to_string()));
        list.push(of_payload(Kind::Hyphens, what, TRUE_HYPHEN, every));
    }
    let cure = "the payload here holds hyphens other than U+002D: find out where they come from, and sign what is sent";
    let what = "look-alikes of the hyphen in the payload were made hyphens";
    list.push(of_payload(Kind::Hyphens, what, cure, |text| Some(text.replace(HYPHENS, "-"))));
    list
}

fn ends() -> Vec<Mistake> {
    let behind = |what: &str, end: &'static str| {
        let what = format!("{what} stood behind the payload, as editors and `echo` add one");
        of_payload(Kind::End, what, NOTHING_BEHIND, move |text| Some(format!("{text}{end}")))
    };
    let cure =
        "the payload here has white space around it, and that is part of what is signed: remove it from both";
    vec![
        behind("a line end (LF)", "\n"),
        behind("a line end (CRLF)", "\r\n"),
        of_payload(Kind::End, "the line end behind the payload was left out", cure, |text| {
            let text = text.strip_suffix('\n')?;
            Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
        }),
        of_payload(Kind::End, "white space around the payload was trimmed", cure, |text| {
            Some(text.trim().to_owned())
        }),
    ]
}

fn line_ends() -> Vec<Mistake> {
    let cure = "the payload here holds a carriage return, which no parser hands over: remove it, then sign";
    vec![
        of_payload(Kind::LineEnds, "the payload's line ends were CRLF", ONE_LINE_END, |text| {
            Some(unix(text).replace('\n', "\r\n"))
        }),
        of_payload(Kind::LineEnds, "the payload's line ends were CR", ONE_LINE_END, |text| {
            Some(unix(text).replace('\n', "\r"))
        }),
        of_payload(Kind::LineEnds, "the payload's line ends were LF, as a parser makes them", cure, |text| {
            Some(unix(text))
        }),
    ]
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn escapings() -> Vec<Mistake> {
    let list: [(&str, Rewrite); 5] = [
        ("<, > and & of it as references", |text| partial_escape(text).into_owned()),
        ("< and & of it as references", |text| minimal_escape(text).into_owned()),
        ("<, >, & and both quotes of it, &quot; and &apos;", |text| quoted(text, "&apos;")),
        ("<, >, & and both quotes of it, &quot; and &#39;", |text| quoted(text, "&#39;")),
        ("<, >, & and both quotes of it, &quot; and &#x27;", |text| quoted(text, "&#x27;")),
    ];
    let escaped = |(which, escape): (&str, Rewrite)| {
        let what = format!("the payload was escaped before it was signed: {which}");
        of_payload(Kind::Escaping, what, AS_UNESCAPED, move |text| Some(escape(text)))
    };
    let mut mistakes: Vec<Mistake> = list.into_iter().map(escaped).collect();
    mistakes.push(of_payload(
        Kind::Escaping,
        "the payload was signed with its CDATA markers",
        AS_UNESCAPED,
        |text| Some(format!("<![CDATA[{text}]]>")),
    ));
    mistakes.push(of_payload(
        Kind::Escaping,
        "the payload was unescaped once too often: its own &amp; and &lt; were read as & and <",
        "sign the event document as it is: its own references stay as they are",
        |text| unescape(text).ok().map(std::borrow::Cow::into_owned),
    ));
    mistakes
}

fn quoted(text: &str, apostrophe: &str) -> String {
    partial_escape(text).replace('"', "&quot;").replace('\'', apostrophe)
}

fn marks() -> Vec<Mistake> {
    let what = "a byte order mark stood before the payload";
    let removed = "the byte order mark before the payload was left out";
    let cure = "the payload here begins with a byte order mark: save it without one, then sign";
    vec![
        of_payload(Kind::Mark, what, NO_MARK, |text| Some(format!("\u{feff}{text}"))),
        of_payload(Kind::Mark, removed, cure, |text| text.strip_prefix('\u{feff}').map(str::to_owned)),
    ]
}
