//! How XML tools rewrite a document without changing its meaning: white space between elements, the form of empty
//! elements, quotes around attributes, the XML declaration. To read a payload, and to find out who rewrote one that
//! was signed; nothing that is sent comes from here. Text and comments are left as they are.
//! Source: XML 1.0, and what XML libraries write by default.

use quick_xml::Reader;
use quick_xml::events::Event;

/// How an element without content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyElement {
    /// `<a></a>`
    OpenClose,
    /// `<a/>`
    SelfClosing,
    /// `<a />`
    SelfClosingSpaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Declaration,
    Start,
    Empty,
    End,
    Text,
    Other,
}

/// A piece of markup, or all text between two of them, as it stands in the document.
type Token<'a> = (Kind, &'a str);

/// The document with an element on each line, each level further in by this indent; what holds text stays on one line.
/// `None` where it is no XML.
pub fn indented(document: &str, indent: &str) -> Option<String> {
    let tokens = without_layout(&tokens(document)?);
    let mut out = String::with_capacity(2 * document.len());
    let mut depth = 0_usize;
    let mut before = Kind::Text;
    for (kind, text) in tokens {
        if kind == Kind::End {
            depth = depth.saturating_sub(1);
        }
        let in_one_line = match kind {
            Kind::Text => true,
            Kind::End => matches!(before, Kind::Text | Kind::Start),
            _ => before == Kind::Text,
        };
        if !in_one_line {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
        out.push_str(text);
        if kind == Kind::Start {
            depth += 1;
        }
        before = kind;
    }
    Some(out)
}

/// The document without white space between elements.
pub fn compact(document: &str) -> Option<String> {
    let tokens = without_layout(&tokens(document)?);
    Some(tokens.into_iter().map(|(_, text)| text).collect())
}

/// The document with its empty elements in another form.
pub fn with_empty_elements(document: &str, form: EmptyElement) -> Option<String> {
    let tokens = tokens(document)?;
    let mut out = String::with_capacity(document.len() + 64);
    let mut rest = tokens.as_slice();
    while let Some(((kind, text), behind)) = rest.split_first() {
        rest = behind;
        let inner = match (kind, behind.first()) {
            (Kind::Empty, _) => text.strip_suffix("/>"),
            (Kind::Start, Some((Kind::End, _))) => {
                rest = &behind[1..];
                text.strip_suffix('>')
            }
            _ => None,
        };
        match inner.map(str::trim_end) {
            Some(inner) => push_empty(&mut out, inner, form),
            None => out.push_str(text),
        }
    }
    Some(out)
}

/// `inner` is the tag without its end: `<a b="c"`.
fn push_empty(out: &mut String, inner: &str, form: EmptyElement) {
    out.push_str(inner);
    match form {
        EmptyElement::SelfClosing => out.push_str("/>"),
        EmptyElement::SelfClosingSpaced => out.push_str(" />"),
        EmptyElement::OpenClose => {
            let name = inner.trim_start_matches('<').split_ascii_whitespace().next().unwrap_or_default();
            out.push_str("></");
            out.push_str(name);
            out.push('>');
        }
    }
}

/// The document with these quotes around its attributes. A document in which that would change a value is left alone.
pub fn with_quotes(document: &str, quote: char) -> Option<String> {
    let other = if quote == '"' { '\'' } else { '"' };
    let mut out = String::with_capacity(document.len());
    for (kind, text) in tokens(document)? {
        match kind {
            Kind::Start | Kind::Empty | Kind::Declaration if text.contains(quote) && text.contains(other) => {
                return None;
            }
            Kind::Start | Kind::Empty | Kind::Declaration => {
                out.extend(text.chars().map(|c| if c == other { quote } else { c }));
            }
            _ => out.push_str(text),
        }
    }
    Some(out)
}

/// The document without its XML declaration and the white space behind it; `None` where it has none.
pub fn without_declaration(document: &str) -> Option<String> {
    let tokens = tokens(document)?;
    let (Kind::Declaration, declaration) = tokens.first()? else { return None };
    Some(document[declaration.len()..].trim_start().to_owned())
}

fn tokens(document: &str) -> Option<Vec<Token<'_>>> {
    let mut reader = Reader::from_str(document);
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut begin = 0;
    loop {
        let kind = match reader.read_event().ok()? {
            Event::Eof => return Some(tokens),
            Event::Decl(_) => Kind::Declaration,
            Event::Start(_) => Kind::Start,
            Event::Empty(_) => Kind::Empty,
            Event::End(_) => Kind::End,
            Event::Text(_) | Event::GeneralRef(_) | Event::CData(_) => Kind::Text,
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) => Kind::Other,
        };
        let end = usize::try_from(reader.buffer_position()).ok()?;
        match tokens.last_mut() {
            Some((Kind::Text, text)) if kind == Kind::Text => {
                *text = document.get(begin - text.len()..end)?;
            }
            _ => tokens.push((kind, document.get(begin..end)?)),
        }
        begin = end;
    }
}

/// Without white space that stands between two pieces of markup; that which is the only content of an element stays.
fn without_layout<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let is_layout = |at: usize| {
        let (kind, text) = tokens[at];
        let before = at.checked_sub(1).map(|before| tokens[before].0);
        let is_content =
            before == Some(Kind::Start) && tokens.get(at + 1).is_some_and(|(kind, _)| *kind == Kind::End);
        kind == Kind::Text && text.chars().all(|c| c.is_ascii_whitespace()) && !is_content
    };
    (0..tokens.len()).filter(|&at| !is_layout(at)).map(|at| tokens[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "<?xml version=\"1.0\"?><a b=\"c\"><d>x &amp; <![CDATA[<y>]]></d><e/><f> </f><g></g></a>";

    #[test]
    fn a_document_is_laid_out_and_made_compact_again() {
        let wide = indented(DOCUMENT, "  ").expect("XML");
        let lines = [
            "<?xml version=\"1.0\"?>",
            "<a b=\"c\">",
            "  <d>x &amp; <![CDATA[<y>]]></d>",
            "  <e/>",
            "  <f> </f>",
            "  <g></g>",
            "</a>",
        ];
        assert_eq!(wide, lines.join("\n"));
        assert_eq!(compact(&wide).as_deref(), Some(DOCUMENT));
        assert_eq!(indented(&wide, "  "), Some(wide));
    }

    #[test]
    fn empty_elements_take_each_form() {
        let form = |form| with_empty_elements("<a b='c'><e/><f /><g></g><h> </h></a>", form).expect("XML");
        assert_eq!(form(EmptyElement::SelfClosing), "<a b='c'><e/><f/><g/><h> </h></a>");
        assert_eq!(form(EmptyElement::SelfClosingSpaced), "<a b='c'><e /><f /><g /><h> </h></a>");
        assert_eq!(form(EmptyElement::OpenClose), "<a b='c'><e></e><f></f><g></g><h> </h></a>");
        let root = with_empty_elements("<a b=\"c\"/>", EmptyElement::OpenClose);
        assert_eq!(root.as_deref(), Some("<a b=\"c\"></a>"));
    }

    #[test]
    fn quotes_change_only_where_no_value_does() {
        assert_eq!(with_quotes("<a b=\"c\">\"</a>", '\'').as_deref(), Some("<a b='c'>\"</a>"));
        assert_eq!(with_quotes("<a b='c'/>", '"').as_deref(), Some("<a b=\"c\"/>"));
        assert_eq!(with_quotes("<a b=\"it's\"/>", '\''), None);
    }

    #[test]
    fn what_is_no_xml_is_not_rewritten() {
        for text in ["<a", "<a></b>", "<a>&"] {
            assert_eq!(indented(text, " "), None, "{text}");
        }
        assert_eq!(without_declaration(DOCUMENT).as_deref(), Some(&DOCUMENT[21..]));
        assert_eq!(without_declaration("<a/>"), None);
    }
}
