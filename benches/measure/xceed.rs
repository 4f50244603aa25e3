//! An Xceed for benchmarks: it answers the same to every event.

use crate::gateway::http::{Connection, find};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

const BEFORE: &str = r#"<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><addEventResponse xmlns="urn:xceed:api:1.0"><Results><returnCode>SUCCESS</returnCode><returnMessage>Processed</returnMessage><eventId>"#;
const BEHIND: &str = "</eventId><riskScore>73.0</riskScore><riskAction>Hold</riskAction><reason>First wire to this payee</reason><reason>Amount above the customer's usual</reason></Results></addEventResponse></soap:Body></soap:Envelope>";
/// What every right answer of the gateway holds then.
pub(crate) const SCORED: &str = r#""decision":"REVIEW","outcome":"SCORED","basis":"action","riskScore":73.0"#;

/// An Xceed that answers the same to every event, after as much time as is asked for it, on a thread of its own.
pub(crate) fn play_xceed(address: SocketAddr, delay: impl Fn() -> Duration + Copy + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(answer(stream, delay));
        }
    });
}

/// Answers until the other side closes.
async fn answer(stream: TcpStream, delay: impl Fn() -> Duration) -> std::io::Result<()> {
    let mut connection = Connection::over(stream)?;
    loop {
        let request = connection.read().await?;
        let delay = delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let body = [BEFORE.as_bytes(), event_id(connection.body(&request)), BEHIND.as_bytes()].concat();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.write(&[head.as_bytes(), &body].concat()).await?;
    }
}

/// The event's id, from a payload whose markup is escaped.
fn event_id(request: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"EventId&gt;";
    let behind = find(request, NAME).map_or(&[][..], |at| &request[at + NAME.len()..]);
    let end = behind.iter().position(|byte| *byte == b'&').unwrap_or(0);
    &behind[..end]
}
