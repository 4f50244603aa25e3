//! Schemas as they are shown: a table of members, types in words, references as links.

use super::html::{escape, line, prose, text};
use crate::domain::field::Field;
use std::fmt::Write;

/// Where references to schemas lead.
const SCHEMAS: &str = "#/components/schemas/";

/// All schemas of the document, each with an anchor.
pub(super) fn all(page: &mut String, document: &Field<'_>) {
    page.push_str("<section aria-labelledby=\"schemas\"><h2 id=\"schemas\">Schemas</h2>");
    let schemas = document.at("components.schemas").map(Field::members).unwrap_or_default();
    for (name, schema) in schemas {
        let name = escape(name);
        let _ = write!(
            page,
            "<article id=\"schema-{name}\" class=\"schema\"><h3><a href=\"#schema-{name}\">{name}</a></h3>{}",
            prose(text(schema, "description"))
        );
        members(page, schema);
        page.push_str("</article>");
    }
    page.push_str("</section>");
}

/// The members of an object as a table; else its type in words.
pub(super) fn members(page: &mut String, schema: &Field<'_>) {
    let mut rows = String::new();
    put_rows(&mut rows, schema, "");
    if rows.is_empty() {
        let _ = write!(page, "<p>{}</p>", kind(schema));
        return;
    }
    let _ = write!(
        page,
        "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>member</th><th>type</th><th>what</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    );
}

fn put_rows(rows: &mut String, schema: &Field<'_>, above: &str) {
    for part in parts(schema, "allOf") {
        match part.member("$ref") {
            Some(_) => {
                let _ = write!(rows, "<tr><td colspan=\"3\">all of {}</td></tr>", kind(part));
            }
            None => put_rows(rows, part, above),
        }
    }
    let required = texts(schema.member("required"));
    for (name, member) in schema.member("properties").map(Field::members).unwrap_or_default() {
        let path = if above.is_empty() { name.to_string() } else { format!("{above}.{name}") };
        let must = if required.contains(&name.as_ref()) { " <em>required</em>" } else { "" };
        let _ = write!(
            rows,
            "<tr><td><code>{}</code>{must}</td><td>{}</td><td>{}</td></tr>",
            escape(&path),
            kind(member),
            line(text(member, "description"))
        );
        put_rows(rows, member, &path);
        for part in parts(member, "anyOf") {
            put_rows(rows, part, &path);
        }
        if let Some(items) = member.member("items") {
            put_rows(rows, items, &format!("{path}[]"));
        }
    }
}

fn parts<'f>(schema: &'f Field<'f>, word: &str) -> &'f [Field<'f>] {
    match schema.member(word) {
        Some(Field::List(parts)) => parts,
        _ => &[],
    }
}

fn texts<'f>(list: Option<&'f Field<'f>>) -> Vec<&'f str> {
    match list {
        Some(Field::List(items)) => items
            .iter()
            .filter_map(|item| if let Field::Text(text) = item { Some(text.as_ref()) } else { None })
            .collect(),
        Some(Field::Text(text)) => vec![text],
        _ => Vec::new(),
    }
}

/// A schema's type, in words.
pub(super) fn kind(schema: &Field<'_>) -> String {
    if let Some(name) = text(schema, "$ref").strip_prefix(SCHEMAS) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(Field::List(words)) = schema.member("enum") {
        let words = words.iter().map(|word| format!("<code>{}</code>", escape(&plain(word))));
        return words.collect::<Vec<_>>().join(" · ");
    }
    if let Some(word) = schema.member("const") {
        return format!("<code>{}</code>", escape(&plain(word)));
    }
    for (word, between) in [("anyOf", " or "), ("allOf", " and ")] {
        if schema.member(word).is_some() {
            return parts(schema, word).iter().map(kind).collect::<Vec<_>>().join(between);
        }
    }
    let types = texts(schema.member("type"));
    let types = types.iter().map(|name| match (*name, schema.member("items")) {
        ("array", Some(items)) => format!("list of {}", kind(items)),
        ("array", None) => "list".to_owned(),
        ("string", _) if schema.member("format").is_some() => escape(text(schema, "format")),
        (name, _) => escape(name),
    });
    types.collect::<Vec<_>>().join(" or ") + &bounds(schema)
}

fn bounds(schema: &Field<'_>) -> String {
    let number = |name: &str| match schema.member(name) {
        Some(Field::Number(text)) => Some((*text).to_owned()),
        _ => None,
    };
    let range = |low: Option<String>, high: Option<String>, of: &str| match (low, high) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}{of}")),
        (Some(low), None) => Some(format!("at least {low}{of}")),
        (None, Some(high)) => Some(format!("at most {high}{of}")),
        (None, None) => None,
    };
    let all = [
        range(number("minimum"), number("maximum"), ""),
        range(number("minLength"), number("maxLength"), " characters"),
        range(number("minItems"), number("maxItems"), " items"),
        schema.member("default").map(|default| format!("default {}", plain(default))),
    ];
    let all: Vec<_> = all.into_iter().flatten().map(|bound| escape(&bound)).collect();
    if all.is_empty() { String::new() } else { format!(" <small>({})</small>", all.join(", ")) }
}

fn plain(value: &Field<'_>) -> String {
    super::example::shown(value)
}
