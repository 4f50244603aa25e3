//! One server that the gateway has to reach: its name, its port, its TLS and certificate, its clock.

use super::report::Finding;
use crate::tls::{ClientSettings, client, validity};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Url;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// For each step.
const PATIENCE: Duration = Duration::from_secs(5);
/// A certificate that ends so soon is told.
const SOON: Duration = Duration::from_hours(30 * 24);
/// Clocks may be apart by so much: signatures and tokens have times in them.
const APART: f64 = 5.0;
const APART_MAX: f64 = 300.0;
/// As much of an answer as is read.
const ANSWER_MAX: u64 = 64 * 1024;

/// Where to look.
pub(super) struct Host {
    /// Whose it is, for the report.
    pub(super) whose: String,
    /// Its address.
    pub(super) url: String,
    /// How it is reached by TLS.
    pub(super) tls: ClientSettings,
}

impl Host {
    /// Looks at one thing after the other, as far as it gets; and what it answers to a plain GET.
    pub(super) async fn look(&self) -> (Vec<Finding>, Option<String>) {
        let mut findings = Vec::new();
        let answer = self.look_into(&mut findings).await;
        (findings, answer)
    }

    async fn look_into(&self, findings: &mut Vec<Finding>) -> Option<String> {
        let whose = self.whose.as_str();
        let url = Url::parse(&self.url).ok()?;
        let (host, port) = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
        let addresses = match timeout(PATIENCE, lookup_host((host, port))).await {
            Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            let cure = "check the spelling of the URL, /etc/resolv.conf and the network policy: DNS (port 53) has to be allowed";
            findings.push(Finding::fail(whose, "name", format!("{host} is not found"), cure));
            return None;
        }
        let seen: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        findings.push(Finding::ok(whose, "name", format!("{host} is {}", seen.join(", "))));
        let stream = connect(&addresses).await.map_err(|why| {
            let cure = "is the server running, and does a firewall let this machine out to that port?";
            findings.push(Finding::fail(whose, "connection", format!("port {port}: {why}"), cure));
        });
        let stream = stream.ok()?;
        findings.push(Finding::ok(whose, "connection", format!("port {port} answers")));
        if url.scheme() == "tcp" {
            return None;
        }
        let (head, before) = match url.scheme() {
            "https" => {
                let (stream, facts) = self.shake_hands(host, stream).await;
                findings.extend(facts);
                let before = Timestamp::now();
                (ask(stream?, &url).await, before)
            }
            _ => {
                let before = Timestamp::now();
                (ask(stream, &url).await, before)
            }
        };
        let Some(answer) = head else {
            let cure = "it takes connections and answers no HTTP: is the path or a proxy in between wrong?";
            findings.push(Finding::warn(whose, "answer", "none to a plain GET within 5 s", cure));
            return None;
        };
        findings.extend(self.compare_clocks(&answer, before));
        Some(answer)
    }

    async fn shake_hands(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> (Option<tokio_rustls::client::TlsStream<TcpStream>>, Vec<Finding>) {
        let whose = self.whose.as_str();
        let failed = |found: String, cure| (None, vec![Finding::fail(whose, "TLS", found, cure)]);
        let config = match client(&self.tls) {
            Ok(config) => config,
            Err(why) => return failed(why, "see tls.ca, tls.cert and tls.key of this tenant"),
        };
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            return failed("the host can't be in a certificate".to_owned(), "use the server's name");
        };
        let shaken = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let said = error.to_string();
                return failed(said.clone(), cure_of(&said));
            }
            Err(_) => return failed("no handshake within 5 s".to_owned(), "is that port for TLS?"),
        };
        let session = stream.get_ref().1;
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        };
        let mut findings =
            vec![Finding::ok(whose, "TLS", format!("version {version}, certificate believed"))];
        let first = session.peer_certificates().and_then(|chain| chain.first());
        if let Some((_, until)) = first.and_then(|certificate| validity(certificate)) {
            findings.push(expiry(whose, "certificate", until));
        }
        (Some(stream), findings)
    }

    fn compare_clocks(&self, answer: &str, before: Timestamp) -> Option<Finding> {
        let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("date:"))?;
        let theirs = rfc2822::DateTimeParser::new().parse_timestamp(line.split_once(':')?.1.trim()).ok()?;
        // It says whole seconds, of a moment between the question and now.
        let ours = before + (Timestamp::now().duration_since(before) / 2);
        let apart = ours.duration_since(theirs).as_secs_f64();
        let found =
            format!("this machine is {:.0} s {}", apart.abs(), if apart < 0.0 { "behind" } else { "ahead" });
        let cure = "let chrony or systemd-timesyncd set this machine's clock: times in events and tokens are off by that";
        Some(match apart.abs() {
            apart if apart > APART_MAX => Finding::fail(&self.whose, "clock", found, cure),
            apart if apart > APART => Finding::warn(&self.whose, "clock", found, cure),
            _ => Finding::ok(&self.whose, "clock", "the same as here"),
        })
    }
}

/// How long a certificate is still valid.
pub(super) fn expiry(whose: &str, what: &'static str, until: Timestamp) -> Finding {
    let left = until.duration_since(Timestamp::now());
    let (days, day) = (left.as_hours() / 24, until.strftime("%F"));
    let cure = "have it renewed; the gateway takes a new file without a new start";
    match left {
        left if left.is_negative() => Finding::fail(whose, what, format!("expired on {day}"), cure),
        left if left.unsigned_abs() < SOON => {
            Finding::warn(whose, what, format!("ends in {days} days, on {day}"), cure)
        }
        _ => Finding::ok(whose, what, format!("valid until {day}, {days} days")),
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut last = "no address".to_owned();
    for address in addresses.iter().take(4) {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.kind().to_string(),
            Err(_) => last = "no answer within 5 s".to_owned(),
        }
    }
    Err(last)
}

/// A plain GET, which changes nothing: the head of the answer and the beginning of its body.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, url: &Url) -> Option<String> {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let (host, path) = (url.host_str()?, format!("{}{query}", url.path()));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let exchange = async {
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // Whoever closes without a word of farewell has answered all the same.
        let _ = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.starts_with("HTTP/1.").then_some(answer)
    };
    timeout(PATIENCE, exchange).await.ok()?
}

/// What to do about a handshake that failed.
fn cure_of(said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    match () {
        () if said.contains("expired") => {
            "the server's certificate has expired: its operator has to renew it; check this machine's clock too"
        }
        () if said.contains("notvalidyet") => "the certificate is not valid yet: check this machine's clock",
        () if said.contains("notvalidforname") || said.contains("not valid for name") => {
            "the certificate is another name's: use the name that it was issued for in the URL"
        }
        () if said.contains("unknownissuer") => {
            "nobody that is trusted here has issued it: set tls.ca to the file of the authority that did (or install ca-certificates)"
        }
        () if said.contains("protocol") || said.contains("version") || said.contains("incompatible") => {
            "the server speaks no TLS 1.2 or 1.3: older versions are not spoken; it has to be brought up to date"
        }
        () if said.contains("certificaterequired")
            || said.contains("badcertificate")
            || said.contains("handshakefailure") =>
        {
            "the server wants a client's certificate: set tls.cert and tls.key to what it gave you"
        }
        () => "is that port for TLS, and is a proxy in between that breaks it up?",
    }
}
