//! The simulator's HTTP server: takes SOAP requests in and carries out what was decided about them.
//!
//! A delayed answer is a timer, not a thread, and no lock is held while it runs, so that thousands
//! can wait at once. A request is judged and recorded before its delay begins.

use super::behaviour::Fault;
use super::callbacks::Plan;
use super::platforms::Platforms;
use super::xceed::Xceed;
use super::{Settings, answer, connection, control, platforms};
use actix_web::dev::ServerHandle;
use actix_web::http::header::ALLOW;
use actix_web::http::{KeepAlive, Method, StatusCode};
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A batch of 1 MiB whose every character is escaped is well below.
const MAX_BODY: usize = 16 << 20;
/// How long `drop` stays mute.
const DROP: Duration = Duration::from_secs(30);
/// How long an acknowledgement waits for the callback that goes before it.
const FIRST: Duration = Duration::from_secs(2);

/// A simulator at work. It works until it is stopped, or until its runtime ends.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Where it listens; the port is the real one when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops at once: open connections are closed, waiting answers are not given.
    pub async fn stop(self) {
        self.handle.stop(false).await;
        // It only ends in an error when it could not start, and it did.
        let _ = self.server.await;
    }
}

/// Binds and serves, within any tokio runtime or actix system; answering is done by worker threads
/// of its own.
///
/// # Errors
/// When the address cannot be bound, or there is no way to call back.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let (bind, workers) = (settings.bind, settings.workers.max(1));
    let keep_alive = match settings.keep_alive {
        Duration::ZERO => KeepAlive::Disabled,
        duration => KeepAlive::Timeout(duration),
    };
    let platforms = Data::new(Platforms::new(&settings.webhooks));
    let xceed = Data::new(Xceed::new(settings).map_err(io::Error::other)?);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(xceed.clone())
            .app_data(platforms.clone())
            .app_data(PayloadConfig::new(MAX_BODY))
            .configure(control::routes)
            .configure(platforms::routes)
            .default_service(web::to(receive))
    })
    .workers(workers)
    .keep_alive(keep_alive)
    .tcp_nodelay(true)
    // A client that has left is no longer answered, and its connection is not kept for nothing.
    .h1_allow_half_closed(false)
    .on_connect(connection::remember)
    .disable_signals()
    .bind(bind)?;
    let address = server.addrs().first().copied().unwrap_or(bind);
    let server = server.run();
    let handle = server.handle();
    Ok(Running { address, handle, server: tokio::spawn(server) })
}

async fn receive(request: HttpRequest, body: Bytes, xceed: Data<Xceed>) -> HttpResponse {
    if request.path().starts_with("/_sim/") {
        return HttpResponse::NotFound().body("GET / lists what there is\n");
    }
    if request.method() != Method::POST {
        return HttpResponse::MethodNotAllowed().insert_header((ALLOW, "POST")).finish();
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let mut reply = xceed.receive((header("SOAPAction"), header("traceparent")), body);
    call_back(&xceed, std::mem::take(&mut reply.plan), reply.delay).await;
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    let fault = reply.fault;
    let message = answer::message(reply);
    let status = StatusCode::from_u16(message.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match fault {
        Fault::Reset => connection::reset(&request),
        Fault::ResetMidway => connection::reset_midway(&request, status, message.body),
        Fault::Drop => {
            sleep(DROP).await;
            connection::reset(&request)
        }
        _ => HttpResponse::build(status).content_type(message.content_type).body(message.body),
    }
}

/// Has everything called back that is planned, behind the answer; or before it, where that is the plan.
async fn call_back(xceed: &Xceed, plan: Plan, delay: Duration) {
    if plan.calls.is_empty() {
        return;
    }
    let (caller, first) = (xceed.caller().clone(), plan.first);
    let mut calling = tokio::spawn(async move {
        if !first {
            sleep(delay).await;
        }
        caller.carry_out(plan).await;
    });
    if first {
        let _ = timeout(FIRST, &mut calling).await;
    }
}
