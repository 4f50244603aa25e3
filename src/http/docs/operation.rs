//! One call as it is shown: who may make it, what it takes, how to make it, and all that it may answer.

use super::html::{escape, line, method, path, prose, text};
use super::{example, schema};
use crate::domain::field::Field;
use std::fmt::Write;

/// A call of the document.
pub(super) struct Operation<'d> {
    pub(super) path: &'d str,
    pub(super) method: &'d str,
    pub(super) id: &'d str,
    pub(super) tag: &'d str,
    fields: &'d Field<'d>,
}

/// All calls, in the document's order.
pub(super) fn all<'d>(document: &'d Field<'d>) -> Vec<Operation<'d>> {
    let paths = document.member("paths").map(Field::members).unwrap_or_default();
    let calls = paths.iter().flat_map(|(path, item)| {
        item.members().iter().map(move |(method, fields)| Operation {
            path,
            method,
            id: text(fields, "operationId"),
            tag: match fields.member("tags") {
                Some(Field::List(tags)) => tags.first().map_or("", plain),
                _ => "",
            },
            fields,
        })
    });
    calls.collect()
}

fn plain<'f>(field: &'f Field<'_>) -> &'f str {
    if let Field::Text(text) = field { text } else { "" }
}

/// What a `$ref` leads to; the field itself where it is none.
fn followed<'d>(document: &'d Field<'d>, field: &'d Field<'d>) -> &'d Field<'d> {
    let target = text(field, "$ref").strip_prefix("#/").map(|path| path.replace('/', "."));
    target.and_then(|path| document.at(&path)).unwrap_or(field)
}

fn list<'f>(field: &'f Field<'f>, name: &str) -> &'f [Field<'f>] {
    match field.member(name) {
        Some(Field::List(items)) => items,
        _ => &[],
    }
}

impl Operation<'_> {
    /// The call, whole.
    pub(super) fn write(&self, page: &mut String, document: &Field<'_>) {
        let id = escape(self.id);
        let _ = write!(
            page,
            "<article id=\"{id}\" class=\"call\"><h3><a href=\"#{id}\">{} <code>{}</code></a></h3><p class=\"what\">{}</p>{}\
             <p class=\"who\">{}</p>",
            method(self.method),
            path(self.path),
            line(text(self.fields, "summary")),
            prose(text(self.fields, "description")),
            self.who()
        );
        self.parameters(page, document);
        self.body(page, document);
        self.curl(page);
        self.answers(page, document);
        page.push_str("</article>");
    }

    /// The roles of which a key must have one; `None` where no key is needed.
    fn roles(&self) -> Option<Vec<&str>> {
        let alternatives = list(self.fields, "security");
        let roles = alternatives.iter().flat_map(|one| one.member("bearer")).flat_map(|roles| match roles {
            Field::List(roles) => roles.iter().map(plain).collect(),
            _ => Vec::new(),
        });
        (!alternatives.is_empty()).then(|| roles.collect())
    }

    fn who(&self) -> String {
        match self.roles() {
            None => "No key.".to_owned(),
            Some(roles) if roles.is_empty() => "A key with any role.".to_owned(),
            Some(roles) => {
                let roles: Vec<_> =
                    roles.iter().map(|role| format!("<code>{}</code>", escape(role))).collect();
                format!("A key with the role {}.", roles.join(" or "))
            }
        }
    }

    fn parameters(&self, page: &mut String, document: &Field<'_>) {
        let parameters = list(self.fields, "parameters");
        if parameters.is_empty() {
            return;
        }
        page.push_str(
            "<h4>Parameters</h4><div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>name</th><th>in</th><th>type</th>\
             <th>what</th></tr></thead><tbody>",
        );
        for parameter in parameters.iter().map(|parameter| followed(document, parameter)) {
            let _ = write!(
                page,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(text(parameter, "name")),
                escape(text(parameter, "in")),
                parameter.member("schema").map(schema::kind).unwrap_or_default(),
                line(text(parameter, "description"))
            );
        }
        page.push_str("</tbody></table></div>");
    }

    /// The media types that the call takes.
    fn media(&self) -> &[(std::borrow::Cow<'_, str>, Field<'_>)] {
        self.fields.at("requestBody.content").map(Field::members).unwrap_or_default()
    }

    fn body(&self, page: &mut String, document: &Field<'_>) {
        let Some((_, media)) = self.media().first() else { return };
        let names: Vec<_> =
            self.media().iter().map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
        let _ = write!(page, "<h4>Body</h4><p>{}", names.join(", "));
        if let Some(shape) = media.member("schema") {
            let _ = write!(page, ": {}</p>", schema::kind(shape));
            let named = followed(document, shape);
            page.push_str("<details><summary>Its members</summary>");
            page.push_str(&prose(text(named, "description")));
            schema::members(page, named);
            page.push_str("</details>");
        }
        for (what, value) in example::all(media).into_iter().skip(1) {
            let _ = write!(page, "<details><summary>Example: {}</summary>", line(what));
            put_code(page, &example::shown(value));
            page.push_str("</details>");
        }
    }

    fn curl(&self, page: &mut String) {
        let example = self.media().iter().find_map(|(name, media)| {
            let (_, value) = example::first(media)?;
            Some((name.as_ref(), example::shown(value)))
        });
        let body = example.as_ref().map(|(media_type, body)| (*media_type, body.as_str()));
        page.push_str("<h4>Make it</h4>");
        let filled = self.filled_path();
        put_code(page, &example::curl(self.method, &filled, self.roles().is_some(), body));
        // A stream does not end, and XML is Xceed's: these are not for trying.
        if self.tag == "Xceed" || self.fields.at("responses.200.content.text/event-stream").is_some() {
            return;
        }
        let id = escape(self.id);
        let _ = write!(
            page,
            "<details class=\"try\" hidden data-method=\"{}\" data-type=\"{}\"><summary>Try it</summary><label \
             for=\"path-{id}\">Path and query</label><input id=\"path-{id}\" class=\"path\" value=\"{}\" \
             spellcheck=\"false\">",
            escape(&self.method.to_ascii_uppercase()),
            escape(body.map_or("", |(media_type, _)| media_type)),
            escape(&filled)
        );
        if let Some((_, body)) = body {
            let _ = write!(
                page,
                "<label for=\"body-{id}\">Body</label><textarea id=\"body-{id}\" rows=\"10\" spellcheck=\"false\">{}</textarea>",
                escape(body)
            );
        }
        page.push_str("<button type=\"button\">Send</button><pre class=\"said\" role=\"status\" tabindex=\"0\"></pre></details>");
    }

    /// The path with the examples of its parameters.
    fn filled_path(&self) -> String {
        let parameters = list(self.fields, "parameters").iter();
        parameters.filter(|parameter| text(parameter, "in") == "path").fold(
            self.path.to_owned(),
            |path, parameter| {
                let example = text(parameter, "example");
                if example.is_empty() {
                    return path;
                }
                path.replace(&format!("{{{}}}", text(parameter, "name")), example)
            },
        )
    }

    fn answers(&self, page: &mut String, document: &Field<'_>) {
        page.push_str("<h4>Answers</h4><dl class=\"answers\">");
        let answers = self.fields.member("responses").map(Field::members).unwrap_or_default();
        for (status, answer) in answers {
            let answer = followed(document, answer);
            let kind = escape(status.get(..1).unwrap_or_default());
            let _ = write!(
                page,
                "<dt><span class=\"status s{kind}\">{}</span></dt><dd>{}",
                escape(status),
                line(text(answer, "description"))
            );
            let headers = answer.member("headers").map(Field::members).unwrap_or_default();
            let headers: Vec<_> =
                headers.iter().map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
            if !headers.is_empty() {
                let _ = write!(page, " <small>Headers: {}</small>", headers.join(", "));
            }
            for (media_type, media) in answer.member("content").map(Field::members).unwrap_or_default() {
                let shape = media.member("schema").map(schema::kind).unwrap_or_default();
                let _ = write!(
                    page,
                    "<details><summary><code>{}</code></summary><p>{shape}</p>",
                    escape(media_type)
                );
                for (what, value) in example::all(media) {
                    page.push_str(&prose(what));
                    put_code(page, &example::shown(value));
                }
                page.push_str("</details>");
            }
            page.push_str("</dd>");
        }
        page.push_str("</dl>");
    }
}

fn put_code(page: &mut String, code: &str) {
    let _ = write!(page, "<div class=\"code\"><pre tabindex=\"0\"><code>{}</code></pre></div>", escape(code));
}
