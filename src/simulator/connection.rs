//! Answers that are no answers: a connection that is reset, before or in the middle, or stays mute.
//!
//! actix-web closes a connection whose response body fails, but in good order as far as TCP goes.
//! A reset takes `SO_LINGER` 0 on the socket, which actix-web does not hand out: so a second handle
//! of each socket is kept beside its connection from the start (one more file descriptor each), and
//! given up when the reset is due. What the client then sees, on Unix: `ECONNRESET`; before the
//! answer no byte at all; midway the head and half of the body first. Where a second handle cannot
//! be had (no Unix, or no descriptor left), the connection ends in good order instead and the client
//! sees the end of the stream, too early.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Extensions;
use actix_web::http::StatusCode;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::{Sleep, sleep};

/// Time for the first half to leave before the connection is reset, which throws away what waits.
const FLUSH: Duration = Duration::from_millis(50);

/// The second handle of a connection's socket, until it is used.
struct SecondHandle(RefCell<Option<TcpSocket>>);

/// Called once for each connection, before its first request.
pub(super) fn remember(io: &dyn Any, connection: &mut Extensions) {
    if let Some(socket) = io.downcast_ref::<TcpStream>().and_then(second_handle) {
        connection.insert(SecondHandle(RefCell::new(Some(socket))));
    }
}

/// A response that never gets out: the connection is reset before its first byte.
pub(super) fn reset(request: &HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(Severed::new(request, Bytes::new(), 1))
}

/// A response whose connection is reset in the middle of its body.
pub(super) fn reset_midway(request: &HttpRequest, status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let size = body.len() as u64;
    let half = Bytes::from(body).slice(..usize::try_from(size / 2).unwrap_or_default());
    HttpResponse::build(status)
        .content_type("text/xml; charset=utf-8")
        .body(Severed::new(request, half, size))
}

#[cfg(unix)]
fn second_handle(stream: &TcpStream) -> Option<TcpSocket> {
    use std::os::fd::AsFd;
    let descriptor = stream.as_fd().try_clone_to_owned().ok()?;
    Some(TcpSocket::from_std_stream(std::net::TcpStream::from(descriptor)))
}

#[cfg(not(unix))]
fn second_handle(_stream: &TcpStream) -> Option<TcpSocket> {
    None
}

/// A body that promises more than it gives. As its failure comes before actix-web has written the
/// head to the socket when there is nothing to give, an empty one leaves no trace of an answer.
struct Severed {
    socket: Option<TcpSocket>,
    first: Bytes,
    promised: u64,
    flush: Option<Pin<Box<Sleep>>>,
}

impl Severed {
    fn new(request: &HttpRequest, first: Bytes, promised: u64) -> Self {
        let handle = request.conn_data::<SecondHandle>();
        let socket = handle.and_then(|handle| handle.0.borrow_mut().take());
        Self { socket, first, promised, flush: None }
    }
}

impl MessageBody for Severed {
    type Error = ToldToSever;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.promised)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ToldToSever>>> {
        let first = std::mem::take(&mut self.first);
        if !first.is_empty() {
            self.flush = Some(Box::pin(sleep(FLUSH)));
            return Poll::Ready(Some(Ok(first)));
        }
        if let Some(flush) = &mut self.flush {
            ready!(flush.as_mut().poll(context));
        }
        if let Some(socket) = self.socket.take() {
            // If it fails, the connection merely ends in good order.
            let _ = socket.set_zero_linger();
        }
        Poll::Ready(Some(Err(ToldToSever)))
    }
}

#[derive(Debug)]
struct ToldToSever;

impl fmt::Display for ToldToSever {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the scenario told to break the connection off here")
    }
}

impl std::error::Error for ToldToSever {}
