//! Addresses on loopback that nobody else has: for a gateway that must be known before it starts, and keep its address
//! when it starts again; and for clients whose address matters.

use super::http::{Connection, Request, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use tokio::net::TcpSocket;

static NEXT: AtomicU16 = AtomicU16::new(20_000);

/// An address of this process alone, so that no other test can take it in between.
pub(crate) fn own_address() -> SocketAddr {
    let [_, a, b, c] = process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 + (a & 63), b, c);
    SocketAddr::from((host, NEXT.fetch_add(1, Relaxed)))
}

/// Sends a request from this address.
pub(crate) fn send_from(from: &str, to: SocketAddr, request: &Request) -> Response {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let from: IpAddr = from.parse().expect("an address");
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(to).await?.into_std()?;
        stream.set_nonblocking(false)?;
        std::io::Result::Ok(stream)
    });
    let connection = stream.and_then(Connection::over);
    let answered = connection.and_then(|mut connection| connection.send(request));
    answered.unwrap_or_else(|error| panic!("no answer to {from}: {error}"))
}
