//! `doctor`: each thing that goes wrong at onboarding is found, with what to do.

use super::folder::{Folder, SECRET, configuration, has, root};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

/// A server that answers every request with this, until this process ends.
fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// The same by TLS, with this certificate.
fn tls_server(params: &CertificateParams, issuer: &CertifiedIssuer<'static, KeyPair>) -> SocketAddr {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().expect("a key"))
        .expect("they belong together");
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).expect("a session");
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut request = [0; 1024];
            if stream.read(&mut request).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 405 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}

/// A folder whose tenant sends to this address.
fn folder(url: &str, over: &str) -> Folder {
    let folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "");
    let line =
        text.lines().find(|line| line.starts_with("url = \"http")).expect("Xceed's address").to_owned();
    folder.write("gateway.toml", text.replace(&line, &format!("url = \"{url}\"\n{over}")));
    folder
}

fn look(folder: &Folder) -> (Option<i32>, Vec<Value>) {
    let ended = folder.run(&["doctor", "--output", "json"]);
    assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let findings = report["findings"].as_array().expect("findings").clone();
    assert_eq!(report["ok"] == true, ended.code == Some(0), "{ended:?}");
    (ended.code, findings)
}

#[track_caller]
fn found(findings: &[Value], what: &str, verdict: &str, words: &[&str]) {
    let one = findings.iter().find(|finding| finding["what"] == what && finding["verdict"] == verdict);
    let one = one.unwrap_or_else(|| panic!("no {verdict} of {what}: {findings:#?}"));
    let told = format!("{} {}", one["found"], one["cure"]);
    words.iter().for_each(|word| assert!(told.contains(word), "{word}: {told}"));
    assert_eq!(verdict == "ok", one["cure"] == "", "{one}");
}

#[test]
fn where_all_is_well_it_says_so() {
    let xceed = server("HTTP/1.1 405 -\r\nContent-Length: 0\r\n\r\n");
    let folder = folder(&format!("http://{xceed}/xceed"), "");
    let (code, findings) = look(&folder);
    assert_eq!(code, Some(0), "{findings:#?}");
    for what in ["configuration", "schema sets", "store", "audit trail", "port", "name", "connection"] {
        found(&findings, what, "ok", &[]);
    }
    let text = folder.run(&["doctor"]).done();
    has(&text, &["gateway: schema sets", "1.0, 1.1 compile", "as they should be"]);
}

#[test]
fn nobody_who_listens_and_names_that_are_none_are_told() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let (code, findings) = look(&folder(&format!("http://{free}/xceed"), ""));
    assert_eq!(code, Some(1));
    found(&findings, "connection", "fail", &["refused", "firewall"]);
    let (code, findings) = look(&folder("https://no-such-host.invalid/xceed", ""));
    assert_eq!(code, Some(1));
    found(&findings, "name", "fail", &["no-such-host.invalid", "DNS"]);
}

#[test]
fn a_clock_that_is_off_is_told() {
    let xceed = server("HTTP/1.1 200 -\r\nDate: Sun, 06 Nov 2022 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
    let (code, findings) = look(&folder(&format!("http://{xceed}/xceed"), ""));
    assert_eq!(code, Some(1));
    found(&findings, "clock", "fail", &["ahead", "chrony"]);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told() {
    let authority = authority();
    let look_at = |params: &CertificateParams, over: bool| {
        let address = tls_server(params, &authority);
        let over = if over { "tls = { ca = \"ca.pem\" }" } else { "" };
        let folder = folder(&format!("https://{address}/xceed"), over);
        folder.write("ca.pem", authority.pem());
        look(&folder)
    };
    let (code, findings) = look_at(&named("127.0.0.1"), true);
    assert_eq!(code, Some(0), "{findings:#?}");
    found(&findings, "TLS", "ok", &["1.3"]);
    found(&findings, "certificate", "ok", &["valid until"]);
    let mut expired = named("127.0.0.1");
    expired.not_after = date_time_ymd(2020, 1, 1);
    found(&look_at(&expired, true).1, "TLS", "fail", &["expired"]);
    found(&look_at(&named("other.example"), true).1, "TLS", "fail", &["another name"]);
    found(&look_at(&named("127.0.0.1"), false).1, "TLS", "fail", &["tls.ca"]);
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_without_a_secret() {
    let mut folder = folder("http://127.0.0.1:9/xceed", "");
    folder.set(super::folder::VARIABLE, &format!("{SECRET} \n"));
    let (code, findings) = look(&folder);
    assert_eq!(code, Some(1));
    found(&findings, "configuration", "fail", &["secret_key"]);
}

#[test]
fn a_port_that_is_taken_and_a_callback_that_nobody_can_reach_are_told() {
    let (xceed, other) =
        (server("HTTP/1.1 405 -\r\nContent-Length: 0\r\n\r\n"), server("HTTP/1.1 404 -\r\n\r\n"));
    let folder = folder(&format!("http://{xceed}/xceed"), "callback_id = \"gw1\"");
    let text = std::fs::read_to_string(folder.path("gateway.toml")).expect("it is there");
    folder.write("gateway.toml", text.replace("127.0.0.1:0", &other.to_string()));
    let (code, findings) = look(&folder);
    assert_eq!(code, Some(1));
    found(&findings, "port", "fail", &["taken", "server.bind"]);
    found(&findings, "callback", "fail", &["public_url"]);
    found(&findings, "callback_allow", "warn", &["only this machine", "203.0.113.0/24"]);
}
