//! Where callers are listened for: no more connections than are agreed, in TLS where that is configured, each with some
//! patience and no more.

use super::patience::{Patient, Stream};
use actix_http::{HttpService, KeepAlive, Protocol, Request};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Response, Service};
use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// An idle connection of a caller is kept for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A request's head must be there within this time, and so must a TLS session.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// Whoever is shown out may say the rest of what he was about to say for so long, so that he hears why.
const LEAVE_MAX: Duration = Duration::from_secs(1);
/// When the server stops nothing is under way any more; what is still to be written has so long.
const SHUTDOWN_SECONDS: u64 = 2;
/// So many connections wait to be taken at most.
const BACKLOG: i32 = 1024;

/// What TLS sessions begin with, where there is TLS; others may be put in its place at any time.
pub type LiveTls = Arc<ArcSwapOption<ServerConfig>>;

/// A server to be.
pub(super) struct Listening {
    builder: ServerBuilder,
    signal: GracefulShutdownSignal,
}

impl Listening {
    /// With so many threads, and so many connections in all.
    pub(super) fn with(workers: usize, connections: usize) -> Self {
        let builder = ServerBuilder::default()
            .workers(workers)
            .max_concurrent_connections(connections.div_ceil(workers))
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals();
        let signal = builder.graceful_shutdown_signal();
        Self { builder, signal }
    }

    /// Listens at an address for an application, and says at which.
    ///
    /// # Errors
    /// It can't be listened there.
    pub(super) fn at<F, I, S, B>(
        mut self,
        address: SocketAddr,
        tls: Option<LiveTls>,
        application: F,
    ) -> io::Result<(Self, SocketAddr)>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        let listener = bind(address)?;
        let address = listener.local_addr()?;
        let signal = self.signal.clone();
        self.builder = self.builder.listen(format!("callers-{address}"), listener, move || {
            let (tls, signal) = (tls.clone(), signal.clone());
            let application = application().into_factory().map_err(|error| error.into().error_response());
            let application = map_config(application, |()| AppConfig::default());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let signal = signal.clone();
                    async move { signal.notified().await }
                })
                .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
                .client_request_timeout(HEAD_MAX)
                .client_disconnect_timeout(LEAVE_MAX)
                .local_addr(address)
                .finish(application);
            fn_service(move |stream: TcpStream| {
                let tls = tls.clone();
                async move { open(stream, tls).await.map_err(actix_http::error::DispatchError::Io) }
            })
            .and_then(http)
        })?;
        Ok((self, address))
    }

    pub(super) fn run(self) -> Server {
        self.builder.run()
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    // A start right after an end finds the port of connections that are still being closed.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A connection, and its session where there is TLS.
async fn open(
    stream: TcpStream,
    tls: Option<LiveTls>,
) -> io::Result<(Patient, Protocol, Option<SocketAddr>)> {
    let peer = stream.peer_addr().ok();
    let _ = stream.set_nodelay(true);
    let stream = match tls.and_then(|tls| tls.load_full()) {
        None => Stream::Plain(stream),
        Some(config) => {
            let session = timeout(HEAD_MAX, TlsAcceptor::from(config).accept(stream)).await;
            Stream::Tls(Box::new(session.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
        }
    };
    Ok((Patient::new(stream), Protocol::Http1, peer))
}
