//! Requests that some proxies read as one and some servers as two: where the length of a body, or how it is coded, can be read
//! in two ways. Each has an event behind it, which must not come in, whatever the head is taken for.

use crate::harness::{Caller, Config, Connection, Gateway, Simulator, Tenant, event};

const REQUEST: &str = "POST /v1/events HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer caller-of-first-bank\r\n\
                       Content-Type: application/json\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked";
const LENGTH: &str = "Content-Length: 2";

/// Header lines that say two things, or one that is none.
fn lines() -> Vec<String> {
    // Behind a length.
    let codings = [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: Chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding:chunked",
        "Transfer-Encoding: chunked ",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: cow",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Content-Length: 3",
        "content-length: 0",
    ];
    let alone = [
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: cow",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding : chunked",
        "Content-Length : 2",
        "Content-Length\t: 2",
        " Content-Length: 2",
        "X: y\r\n Content-Length: 2",
    ];
    let lengths = [
        "+2",
        "-2",
        "0x2",
        "2.0",
        "2e0",
        "\"2\"",
        "2 2",
        "2;3",
        "2, 3",
        "",
        "a",
        "²",
        "99999999999999999999",
    ];
    let behind = codings.map(|coding| format!("{LENGTH}\r\n{coding}"));
    let lengths = lengths.map(|length| format!("Content-Length: {length}"));
    [behind.to_vec(), alone.map(str::to_owned).to_vec(), lengths.to_vec()].concat()
}

/// Chunks that end elsewhere for whoever is lenient.
fn chunks() -> Vec<String> {
    let chunks = [
        "+2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "2 3\r\n{}\r\n0\r\n\r\n",
        "-1\r\n{}\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
        "g\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}xx0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
    ];
    chunks.map(|chunks| format!("{REQUEST}{CHUNKED}\r\n\r\n{chunks}")).to_vec()
}

/// Request lines and hosts that are none.
fn beginnings() -> Vec<String> {
    let beginnings = [
        "POST  /v1/events HTTP/1.1\r\nHost: gateway.test",
        "POST /v1/events HTTP/1.1 x\r\nHost: gateway.test",
        "POST /v1/events\r\nHost: gateway.test",
        "PO ST /v1/events HTTP/1.1\r\nHost: gateway.test",
        "POST /v1/events HTTP/1.1\r\nHost: one.test\r\nHost: other.test",
    ];
    let chunked = format!("POST /v1/events HTTP/1.0\r\nHost: gateway.test\r\n{CHUNKED}\r\n\r\n0\r\n\r\n");
    let beginnings = beginnings.map(|beginning| format!("{beginning}\r\n{LENGTH}\r\n\r\n{{}}"));
    [beginnings.to_vec(), vec![chunked]].concat()
}

#[test]
fn what_can_be_read_in_two_ways_is_not_read_at_all() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    let caller: Caller = gateway.caller();
    let smuggled = caller.submission("", event("smuggled").to_string()).bytes();
    // As if the length counted, and as if the chunks did.
    let heads = lines().into_iter().map(|lines| format!("{REQUEST}{lines}\r\n\r\n"));
    let bodies = heads.flat_map(|head| [format!("{head}{{}}"), format!("{head}0\r\n\r\n")]);
    let (mut refused, mut wrong) = (0, Vec::new());
    for bad in bodies.chain(chunks()).chain(beginnings()) {
        let mut connection = Connection::open(gateway.address()).expect("it listens");
        connection.write_bytes(&[bad.as_bytes(), &smuggled].concat()).expect("it listens");
        match connection.response() {
            Ok(answer) if answer.status < 400 || answer.header("connection") != Some("close") => {
                wrong.push(format!("{} {:?} for {bad:?}", answer.status, answer.header("connection")));
            }
            Ok(_) => refused += 1,
            Err(error) => wrong.push(format!("no answer ({error}) for {bad:?}")),
        }
        assert_eq!(caller.look_up("smuggled").status, 404, "what is behind it came in: {bad:?}");
    }
    assert!(wrong.is_empty(), "{refused} are refused, and not these:\n{}", wrong.join("\n"));
    // Whoever refuses everything refuses that as well: two requests that are two.
    let two = [format!("{REQUEST}{LENGTH}\r\n\r\n{{}}").as_bytes(), &smuggled].concat();
    let mut connection = Connection::open(gateway.address()).expect("it listens");
    connection.write_bytes(&two).expect("it listens");
    let statuses =
        [connection.response(), connection.response()].map(|answer| answer.expect("an answer").status);
    assert_eq!(statuses, [422, 200]);
}
