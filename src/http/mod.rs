//! The HTTP edge: the only JSON and the only status codes. Translates calls into use cases and their results into
//! answers; decides nothing.

pub mod answer;
pub mod auth;
mod batches;
pub mod body;
mod breaker;
mod call;
mod callback;
mod decisions;
mod docs;
pub mod doors;
mod events;
mod fixed;
pub mod form;
pub mod health;
mod held;
pub mod json;
mod listening;
mod metrics;
mod openapi;
mod parked;
mod patience;
pub mod peer;
pub mod pieces;
mod problem;
mod request;
mod return_codes;
mod sources;
mod timing;

use crate::application::admission::watch;
use crate::application::gateway::{Desk, Gateway};
use crate::telemetry::traces::within;
use crate::tls::ServerSettings;
use actix_web::dev::{Server, Service, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::{App, Error, Resource, Route, guard, web};
use arc_swap::ArcSwap;
use auth::Keys;
use call::Call;
pub use doors::Doors;
use listening::Listening;
pub use listening::LiveTls;
use peer::Peers;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// How the gateway is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen at.
    pub bind: SocketAddr,
    /// Where health is asked, where that is elsewhere.
    pub admin_bind: Option<SocketAddr>,
    /// What callers are served with; in the clear where it is absent.
    pub tls: Option<ServerSettings>,
    /// So many calls under way at most.
    pub in_flight: usize,
    /// So many connections of callers at most.
    pub connections: usize,
    /// What is unsafe and wanted all the same.
    pub told_unsafe: Vec<&'static str>,
    /// Who may call.
    pub keys: Arc<Keys>,
    /// Who may look at the console.
    pub operators: Vec<auth::Operator>,
    /// Threads that serve.
    pub workers: usize,
    /// Where the gateway is reached from outside, for the address in the WSDL.
    pub public_url: Option<String>,
    /// Who may call back, and whose headers count.
    pub peers: Arc<Peers>,
}

/// A server that runs, and where.
pub struct Serving {
    /// The server.
    pub server: Server,
    /// Where callers reach it.
    pub address: SocketAddr,
    /// Where whoever watches it does, where that is elsewhere.
    pub admin: Option<SocketAddr>,
}

/// Starts to serve. `desk` makes each worker thread's place; it runs on that thread. `pages` are served where health is.
///
/// # Errors
/// An address can't be listened at; in words.
pub fn serve<F, P>(
    settings: &Settings,
    (doors, tls): (&Arc<ArcSwap<Doors>>, &LiveTls),
    desk: F,
    pages: P,
) -> Result<Serving, String>
where
    F: Fn() -> Desk + Send + Clone + 'static,
    P: Fn(&mut web::ServiceConfig) + Send + Clone + 'static,
{
    let told: Arc<[&'static str]> = settings.told_unsafe.clone().into();
    let application = move |routes: fn(&mut web::ServiceConfig), has_pages: bool| {
        let (doors, desk, told, pages) = (doors.clone(), desk.clone(), told.clone(), pages.clone());
        move || {
            let desk = desk();
            let gateway = desk.gateway.clone();
            actix_web::rt::spawn(watch(gateway.clone()));
            App::new()
                .app_data(desk)
                .app_data(doors.clone())
                .app_data(health::ToldUnsafe(told.clone()))
                .configure(|config| {
                    if has_pages {
                        pages(config);
                    }
                })
                .configure(routes)
                .wrap_fn(move |request, calls| {
                    let call = Call::of(&request);
                    let answered = within(call.trace(), calls.call(request));
                    close_at_the_end(gateway.clone(), call, answered)
                })
        }
    };
    let listening = Listening::with(settings.workers, settings.connections);
    let tls = tls.load().is_some().then(|| tls.clone());
    let failed =
        |address: SocketAddr| move |error: io::Error| format!("{address}: can't be listened at ({error})");
    let bind = settings.bind;
    Ok(match settings.admin_bind {
        None => {
            let (listening, address) =
                listening.at(bind, tls, application(everything, true)).map_err(failed(bind))?;
            Serving { server: listening.run(), address, admin: None }
        }
        Some(elsewhere) => {
            let (listening, address) =
                listening.at(bind, tls, application(calls, false)).map_err(failed(bind))?;
            let (listening, admin) =
                listening.at(elsewhere, None, application(admin, true)).map_err(failed(elsewhere))?;
            Serving { server: listening.run(), address, admin: Some(admin) }
        }
    })
}

/// Each call is counted and traced; and once the gateway ends, each answer says that its connection does too.
async fn close_at_the_end(
    gateway: Arc<Gateway>,
    counted: Call,
    call: impl Future<Output = Result<ServiceResponse, Error>>,
) -> Result<ServiceResponse, Error> {
    let mut answer = call.await?;
    counted.answered(&answer);
    if gateway.ending.has_begun() {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

/// Every call that the gateway answers, at one address.
fn everything(config: &mut web::ServiceConfig) {
    admin(config);
    calls(config);
}

/// What whoever watches the gateway calls.
fn admin(config: &mut web::ServiceConfig) {
    let get = |path, call: Route| resource(path, "GET").route(call.guard(guard::Get()));
    config
        .service(get("/healthz", web::to(health::alive)))
        .service(get("/readyz", web::to(health::ready)))
        .service(get("/metrics", web::to(metrics::show)))
        .default_service(web::to(problem::not_found));
}

/// What callers, operators and Xceed call.
fn calls(config: &mut web::ServiceConfig) {
    let get = |path, call: Route| resource(path, "GET").route(call.guard(guard::Get()));
    let post = |path, call: Route| resource(path, "POST").route(call.guard(guard::Post()));
    config
        .service(post("/v1/events", web::to(events::submit)))
        .service(get("/v1/events/{eventId}", web::to(events::look_up)))
        .service(post("/v1/batches", web::to(batches::submit)))
        .service(get("/v1/batches/{batchId}", web::to(batches::look_up)))
        .service(post("/v1/cxone/data-action", web::to(sources::cxone_data_action)))
        .service(post("/v1/cxone/assess", web::to(sources::cxone_assess)))
        .service(post("/v1/genesys/assess", web::to(sources::genesys_assess)))
        .service(post("/v1/sources/{name}", web::to(sources::own)))
        .service(get("/v1/decisions", web::to(decisions::follow)))
        .service(get("/v1/return-codes", web::to(return_codes::list)))
        .service(get("/v1/parked", web::to(parked::list)))
        .service(post("/v1/parked/{deliveryId}/replay", web::to(parked::replay)))
        .service(
            resource("/v1/parked/{deliveryId}", "DELETE")
                .route(web::to(parked::discard).guard(guard::Delete())),
        )
        .service(get("/v1/breaker", web::to(breaker::show)))
        .service(get("/v1/held", web::to(held::list)))
        .service(post("/v1/held/{queue}/resume", web::to(held::resume)))
        .service(
            resource("/xceed/callback", "GET, POST")
                .route(web::get().to(callback::wsdl))
                .route(web::post().to(callback::receive)),
        )
        .service(get("/openapi.json", web::to(openapi::document)))
        .service(get("/docs", web::to(docs::read)))
        .service(post("/xceed/callback/{callbackId:[^/]*}", web::to(callback::receive)))
        .default_service(web::to(problem::not_found));
}

/// An address that is called with these methods alone.
fn resource(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || problem::method_not_allowed(allowed)))
}
