//! The HTTP edge: the only JSON and the only status codes. Translates calls into use cases and their results into
//! answers; decides nothing.

pub mod answer;
pub mod auth;
mod batches;
pub mod body;
mod breaker;
mod callback;
mod decisions;
mod doors;
mod events;
mod form;
mod health;
mod held;
pub mod json;
mod parked;
pub mod peer;
mod pieces;
mod problem;
mod request;
mod return_codes;
mod sources;

use crate::application::gateway::{Desk, Gateway};
use actix_web::dev::{Server, Service, ServiceResponse};
use actix_web::http::{ConnectionType, KeepAlive};
use actix_web::{App, Error, HttpServer, Resource, Route, guard, web};
use arc_swap::ArcSwap;
use auth::Keys;
pub use doors::Doors;
use peer::Peers;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// An idle connection of a caller is kept for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A request's head must be there within this time.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// When the server stops nothing is under way any more; what is still to be written has so long.
const SHUTDOWN_SECONDS: u64 = 2;

/// How the gateway is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address to listen at.
    pub bind: SocketAddr,
    /// Who may call.
    pub keys: Arc<Keys>,
    /// Threads that serve.
    pub workers: usize,
    /// Where the gateway is reached from outside, for the address in the WSDL.
    pub public_url: Option<String>,
    /// Who may call back, and whose headers count.
    pub peers: Arc<Peers>,
}

/// Starts to serve. `desk` makes each worker thread's place; it runs on that thread.
///
/// # Errors
/// The address can't be listened at.
pub fn serve<F>(settings: &Settings, doors: &Arc<ArcSwap<Doors>>, desk: F) -> io::Result<(Server, SocketAddr)>
where
    F: Fn() -> Desk + Send + Clone + 'static,
{
    let doors = doors.clone();
    let app = move || {
        let desk = desk();
        let gateway = desk.gateway.clone();
        App::new()
            .app_data(desk)
            .app_data(doors.clone())
            .configure(routes)
            .wrap_fn(move |request, calls| close_at_the_end(gateway.clone(), calls.call(request)))
    };
    let server = HttpServer::new(app)
        .workers(settings.workers)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(HEAD_MAX)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals()
        .bind(settings.bind)?;
    let address = server.addrs()[0];
    Ok((server.run(), address))
}

/// Once the gateway ends, each answer says that its connection does too.
async fn close_at_the_end(
    gateway: Arc<Gateway>,
    call: impl Future<Output = Result<ServiceResponse, Error>>,
) -> Result<ServiceResponse, Error> {
    let mut answer = call.await?;
    if gateway.ending.has_begun() {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

/// Every call that the gateway answers.
fn routes(config: &mut web::ServiceConfig) {
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
        .service(post("/xceed/callback/{callbackId:[^/]*}", web::to(callback::receive)))
        .service(get("/healthz", web::to(health::alive)))
        .service(get("/readyz", web::to(health::ready)))
        .default_service(web::to(problem::not_found));
}

/// An address that is called with these methods alone.
fn resource(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || problem::method_not_allowed(allowed)))
}
