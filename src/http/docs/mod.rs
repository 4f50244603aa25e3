//! `GET /docs`: the description of the calls as one page, made from the document at its first request. It loads nothing
//! else: style and script are in the page and named by their hashes, and the script calls this gateway alone.

mod example;
mod html;
mod operation;
mod schema;

use super::fixed::Fixed;
use super::{json, openapi};
use crate::domain::field::Field;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use html::{escape, prose, text};
use operation::Operation;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::LazyLock;

const STYLE: &str = include_str!("docs.css");
const SCRIPT: &str = include_str!("docs.js");

static PAGE: LazyLock<Fixed> = LazyLock::new(|| {
    Fixed::new(page(openapi::TEXT), "text/html; charset=utf-8")
        .with_header(CONTENT_SECURITY_POLICY, policy())
        .with_header(REFERRER_POLICY, "no-referrer".to_owned())
});

pub(super) async fn read(request: HttpRequest) -> HttpResponse {
    PAGE.answer(&request)
}

/// What the page may do: be shown, and call the gateway that it came from.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn page(document: &str) -> String {
    // The document is the gateway's own, and read by the tests: this can't fail.
    let document = json::read(document.as_bytes()).unwrap_or(Field::Null);
    let operations = operation::all(&document);
    let mut page = String::with_capacity(512 * 1024);
    let title = escape(text(&document, "info.title"));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>{title}: \
         the calls</title><style>{STYLE}</style></head><body><a class=\"skip\" href=\"#main\">To the calls</a>"
    );
    contents(&mut page, &document, &operations);
    let _ = write!(
        page,
        "<main id=\"main\"><header><h1>{title}</h1><p class=\"version\">{}</p>{}<p>The same as \
         <a href=\"/openapi.json\">OpenAPI 3.1</a>, for programs.</p></header>",
        escape(text(&document, "info.version")),
        prose(text(&document, "info.description"))
    );
    keys(&mut page, &document);
    for tag in tags(&document) {
        let name = text(tag, "name");
        let _ = write!(
            page,
            "<section aria-labelledby=\"tag-{0}\"><h2 id=\"tag-{0}\">{0}</h2>{1}",
            escape(name),
            prose(text(tag, "description"))
        );
        for operation in operations.iter().filter(|operation| operation.tag == name) {
            operation.write(&mut page, &document);
        }
        page.push_str("</section>");
    }
    schema::all(&mut page, &document);
    let _ = writeln!(page, "</main><script>{SCRIPT}</script></body></html>");
    page
}

fn tags<'d>(document: &'d Field<'d>) -> &'d [Field<'d>] {
    match document.member("tags") {
        Some(Field::List(tags)) => tags,
        _ => &[],
    }
}

fn contents(page: &mut String, document: &Field<'_>, operations: &[Operation<'_>]) {
    page.push_str(
        "<nav aria-label=\"Calls\"><label for=\"find\">Find a call</label><input id=\"find\" type=\"search\" \
         autocomplete=\"off\" placeholder=\"events, parked, …\">",
    );
    for tag in tags(document) {
        let name = text(tag, "name");
        let _ = write!(page, "<h2><a href=\"#tag-{0}\">{0}</a></h2><ul>", escape(name));
        for operation in operations.iter().filter(|operation| operation.tag == name) {
            let _ = write!(
                page,
                "<li><a href=\"#{}\">{} <code>{}</code></a></li>",
                escape(operation.id),
                html::method(operation.method),
                html::path(operation.path)
            );
        }
        page.push_str("</ul>");
    }
    page.push_str("<h2><a href=\"#schemas\">Schemas</a></h2></nav>");
}

fn keys(page: &mut String, document: &Field<'_>) {
    page.push_str("<section aria-labelledby=\"keys\"><h2 id=\"keys\">Keys</h2><ul>");
    let schemes = document.at("components.securitySchemes").map(Field::members).unwrap_or_default();
    for (_, scheme) in schemes {
        let _ = write!(page, "<li>{}</li>", prose(text(scheme, "description")));
    }
    page.push_str(
        "</ul><p class=\"key\" hidden><label for=\"key\">To try calls from here, an API key; it stays in this page's memory and \
         goes to this gateway alone:</label><input id=\"key\" type=\"password\" autocomplete=\"off\" spellcheck=\"false\"></p>\
         </section>",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_call_and_every_schema_and_each_of_its_links_leads_somewhere() {
        let page = page(openapi::TEXT);
        let document: serde_json::Value = serde_json::from_str(openapi::TEXT).expect("JSON");
        let mut calls = 0;
        for (_, item) in document["paths"].as_object().expect("paths") {
            for (_, operation) in item.as_object().expect("operations") {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(page.contains(&format!("<article id=\"{id}\"")), "{id}");
                calls += 1;
            }
        }
        assert!(calls > 15, "{calls}");
        for (name, _) in document["components"]["schemas"].as_object().expect("schemas") {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        let targets = regex::Regex::new("href=\"#([^\"]+)\"").expect("a sound pattern");
        for target in targets.captures_iter(&page) {
            assert!(page.contains(&format!("id=\"{}\"", &target[1])), "{}", &target[1]);
        }
    }

    #[test]
    fn the_page_loads_nothing_and_its_ids_are_its_own() {
        let page = page(openapi::TEXT);
        for word in ["http://", "//cdn", " src=", "<link", "style=\"", "onclick", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
        let ids = regex::Regex::new(" id=\"([^\"]+)\"").expect("a sound pattern");
        let mut seen = std::collections::HashSet::new();
        for id in ids.captures_iter(&page) {
            assert!(seen.insert(id[1].to_owned()), "twice: {}", &id[1]);
        }
    }

    #[test]
    fn what_the_policy_lets_run_is_what_stands_in_the_page() {
        let page = page(openapi::TEXT);
        for (from, to) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let (_, rest) = page.split_once(from).expect("it begins");
            let (inner, _) = rest.split_once(to).expect("it ends");
            let hash = STANDARD.encode(Sha256::digest(inner.as_bytes()));
            assert!(policy().contains(&format!("'sha256-{hash}'")), "{from}");
        }
    }
}
