//! Small pieces of the page: text that is escaped, prose with its `code`, methods and paths.

use crate::domain::field::Field;

/// The text at a dotted path of a field, or nothing.
pub(super) fn text<'f>(field: &'f Field<'_>, path: &str) -> &'f str {
    match field.at(path) {
        Some(Field::Text(text)) => text,
        _ => "",
    }
}

/// Text as it stands in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A line of prose: what stands between backticks is code.
pub(super) fn line(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(n, part)| match n % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

/// Paragraphs, which empty lines divide.
pub(super) fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", line(paragraph))).collect()
}

/// A method, in its colour.
pub(super) fn method(name: &str) -> String {
    format!("<b class=\"method {0}\">{1}</b>", escape(name), escape(&name.to_ascii_uppercase()))
}

/// A path that may break at its slashes.
pub(super) fn path(path: &str) -> String {
    escape(path).replace('/', "/<wbr>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_read_as_html() {
        assert_eq!(escape("<a href=\"'&\">"), "&lt;a href=&quot;&#39;&amp;&quot;&gt;");
        assert_eq!(line("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
        assert_eq!(prose("a\n\nb"), "<p>a</p><p>b</p>");
    }
}
