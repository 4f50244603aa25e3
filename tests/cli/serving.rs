//! `serve` and `simulate`: how they start, and how they refuse to.

use super::configuration::{BROKEN, broken_sets};
use super::folder::{Folder, configuration, has, root};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// So often a server is asked whether it is there.
const ATTEMPTS: usize = 600;
const STEP: Duration = Duration::from_millis(100);

#[test]
fn a_broken_schema_set_refuses_the_start_with_all_errors() {
    let folder = Folder::with_tenant();
    broken_sets(&folder);
    for command in ["serve", "simulate"] {
        has(&folder.run(&[command]).failed(), &BROKEN);
    }
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "");
    folder.write("gateway.toml", text.replace("127.0.0.1:0", &address));
    has(&folder.run(&["serve"]).failed(), &[&address, "in use"]);
    has(&folder.run(&["simulate", "--bind", &address]).failed(), &["in use"]);
}

#[test]
fn a_gateway_serves_until_it_is_told_to_stop() {
    let address = free_address();
    let folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "");
    folder.write("gateway.toml", text.replace("127.0.0.1:0", &address.to_string()));
    let running = folder.start(&["serve", "--log", "json"]);
    has(&get(address, "/healthz"), &["200 OK"]);
    let ended = running.terminate();
    for line in ended.stderr.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["level"].is_string(), "{line}");
    }
    has(&ended.stderr, &["serving", &address.to_string(), "stopped"]);
    ended.done();
}

#[test]
fn whoever_watches_a_gateway_asks_it_without_a_key() {
    let address = free_address();
    let folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "");
    folder.write("gateway.toml", text.replace("127.0.0.1:0", &address.to_string()));
    let (url, running) = (format!("http://{address}"), folder.start(&["serve"]));
    get(address, "/healthz");
    has(&folder.run(&["health", "--url", &url]).done(), &["it can take events in"]);
    has(&folder.run(&["health", "--url", &format!("{url}/"), "--live"]).done(), &["it serves"]);
    let ready = folder.run(&["health", "--url", &url, "--output", "json"]).json();
    assert_eq!(ready["ready"], true);
    drop(running);
    has(&folder.run(&["health", "--url", &url]).failed(), &["can't be reached", "--url"]);
    has(&folder.run(&["health", "--url", "nowhere"]).failed(), &["can't be reached", "--url"]);
}

#[test]
fn the_example_that_is_printed_is_a_configuration_to_begin_with() {
    let folder = Folder::new();
    folder.copy("xsd", "xsd");
    let example = folder.run(&["check", "--example"]).done();
    folder.write("example.toml", example.replace("FIRST_BANK_XCEED_KEY", "KEY_OF_A_TEST"));
    let complaint = folder.run(&["check", "--config", "example.toml"]).failed();
    has(&complaint, &["xceed.secret_key", "KEY_OF_A_TEST"]);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[test]
fn a_simulator_plays_xceed_until_it_is_told_to_stop() {
    let address = free_address();
    let folder = Folder::with_tenant();
    let running = folder.start(&["simulate", "--bind", &address.to_string()]);
    has(&get(address, "/"), &["200 OK"]);
    drop(running);
    has(&folder.run(&["simulate", "--rules", "no-such.toml"]).failed(), &["no-such.toml"]);
    has(&folder.run(&["simulate", "--bind", "nowhere"]).misused(), &["--bind"]);
}

/// An address that nobody else listens at, most likely.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Asks a server that is starting.
fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
}

/// Sends a request to a server that is starting, and reads the answer to its end.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> String {
    for _ in 0..ATTEMPTS {
        if let Ok(mut stream) = TcpStream::connect(address) {
            stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
            stream.write_all(request.as_bytes()).expect("it takes the request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            return answer;
        }
        sleep(STEP);
    }
    panic!("nobody listens at {address}");
}
