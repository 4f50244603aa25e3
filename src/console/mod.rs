//! The operations console at `/console`: pages made on the server, which need no internet and no build step. Always HTML, also
//! where something is refused; each page carries a strict Content-Security-Policy.

mod care;
mod events;
mod now;
mod payload;
mod sessions;
mod sign_in;
mod stream;
mod system;

use crate::application::gateway::Desk;
use crate::http::doors::doors;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use sessions::{Guest, Sessions};
use std::sync::Arc;

/// The session's cookie.
const COOKIE: &str = "xceed_gateway_console";
/// Nothing from elsewhere, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What every page has around it.
struct Page {
    title: String,
    /// Which of the pages is open.
    here: &'static str,
    /// Whoever is signed in; empty where nobody is.
    name: String,
    may_act: bool,
    form: String,
}

impl Page {
    fn of(guest: &Guest, title: impl Into<String>, here: &'static str) -> Self {
        let Guest { name, may_act, form } = guest.clone();
        Self { title: title.into(), here, name, may_act, form }
    }

    fn nobodys(title: &str) -> Self {
        Self { title: title.to_owned(), here: "", name: String::new(), may_act: false, form: String::new() }
    }
}

/// A page with a few words.
#[derive(Template)]
#[template(path = "words.html")]
struct Words {
    page: Page,
    words: String,
}

/// All of its addresses, with sessions that all threads share.
pub fn pages() -> impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static {
    let sessions = Arc::<Sessions>::default();
    move |config| routes(config, sessions.clone())
}

fn routes(config: &mut web::ServiceConfig, sessions: Arc<Sessions>) {
    let form = web::FormConfig::default().limit(16 * 1024);
    config.service(
        web::scope("/console")
            .app_data(form)
            .app_data(sessions)
            .route("", web::get().to(now::home))
            .route("/", web::get().to(now::home))
            .route("/sign-in", web::get().to(sign_in::show))
            .route("/sign-in", web::post().to(sign_in::sign_in))
            .route("/sign-out", web::post().to(sign_in::sign_out))
            .route("/now", web::get().to(now::show))
            .route("/now/stream", web::get().to(stream::follow))
            .route("/events", web::get().to(events::list))
            .route("/events/{tenant}/{event}", web::get().to(events::one))
            .route("/care", web::get().to(care::list))
            .route("/care/{tenant}/{what}/{act}", web::get().to(care::confirm))
            .route("/care/{tenant}/{what}/{act}", web::post().to(care::act))
            .route("/system", web::get().to(system::show))
            .route("/assets/{name}", web::get().to(asset))
            .default_service(web::to(missing)),
    );
}

async fn missing(request: HttpRequest) -> HttpResponse {
    match signed_in(&request) {
        Ok((_, guest)) => words(StatusCode::NOT_FOUND, &guest, "Not found", "There is no such page."),
        Err(refused) => *refused,
    }
}

/// A page that says something.
fn words(status: StatusCode, guest: &Guest, title: &str, words: &str) -> HttpResponse {
    html(status, &Words { page: Page::of(guest, title, ""), words: words.to_owned() })
}

fn html(status: StatusCode, page: &impl Template) -> HttpResponse {
    let text = page
        .render()
        .unwrap_or_else(|_| "<!doctype html><title>Error</title>The page can't be made.".to_owned());
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text)
}

fn to(page: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, page))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .finish()
}

/// The desk and whoever is signed in; or the page that asks for a key.
fn signed_in(request: &HttpRequest) -> Result<(&Desk, Guest), Box<HttpResponse>> {
    let desk = request.app_data::<Desk>();
    desk.zip(guest(request, true)).ok_or_else(|| Box::new(sign_in::ask(StatusCode::UNAUTHORIZED, "")))
}

fn guest(request: &HttpRequest, is_active: bool) -> Option<Guest> {
    let (sessions, doors) = (request.app_data::<Arc<Sessions>>()?, doors(request)?);
    let now = request.app_data::<Desk>()?.gateway.clock.now();
    sessions.guest(&doors.operators, &token(request)?, is_active, now)
}

/// The session's token, as the browser sends it.
fn token(request: &HttpRequest) -> Option<String> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// Whether a browser says that the form was another site's.
fn is_foreign(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let site = header("Sec-Fetch-Site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let host = header("Host").unwrap_or_default();
    let origin = header("Origin").is_some_and(|origin| origin.split("://").nth(1) != Some(host));
    site || origin
}

const CSS: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/icon.svg");

async fn asset(request: HttpRequest) -> HttpResponse {
    let (kind, text) = match request.match_info().get("name") {
        Some("console.css") => ("text/css; charset=utf-8", CSS),
        Some("console.js") => ("text/javascript; charset=utf-8", SCRIPT),
        Some("icon.svg") => ("image/svg+xml", ICON),
        _ => return missing(request).await,
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "max-age=300"))
        .body(text)
}
