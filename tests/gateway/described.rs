//! The gateway describes itself: OpenAPI 3.1, and a page to read it; nobody's key is needed, and nothing is loaded from elsewhere.

use crate::harness::{Config, Gateway, Request, Simulator, Tenant};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn anybody_may_read_what_the_calls_are() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    let caller = gateway.caller();
    let document = caller.call(&Request::new("GET", "/openapi.json"));
    assert_eq!((document.status, document.header("content-type")), (200, Some("application/json")));
    let described = document.json();
    assert!(described["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{described}");
    for path in
        ["/v1/events", "/v1/batches", "/v1/cxone/data-action", "/v1/genesys/assess", "/metrics", "/readyz"]
    {
        assert!(described["paths"][path].is_object(), "{path}");
    }
    let tag = document.header("etag").expect("an ETag");
    // An answer without a body says no length.
    let again = Request::new("GET", "/openapi.json").header("If-None-Match", tag);
    let mut line = TcpStream::connect(gateway.address()).expect("it listens");
    line.write_all(&again.bytes()).expect("sent");
    let mut status = [0; 12];
    line.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 304");
    let page = caller.call(&Request::new("GET", "/docs"));
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = page.text();
    for elsewhere in ["src=\"http", "href=\"https://cdn", "@import", "url(http"] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
    assert!(text.contains("/v1/events") && text.contains("Idempotency-Key"));
}
