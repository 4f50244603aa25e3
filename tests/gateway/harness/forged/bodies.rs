//! Bodies: what is no plain SOAP 1.1 in UTF-8, and what costs too much.

use super::{Forged, named};
use crate::harness::callback::{Callback, callback_request, wrap};
use crate::harness::http::Request;

/// A genuine callback in another form, or with something more.
pub(crate) fn no_plain_soap() -> Vec<Forged> {
    let good = Callback::of("e-1");
    let envelope = good.envelope();
    let body = |what: &str, body: &str| named(what, callback_request("gw1", body));
    let replaced = |what: &str, from: &str, to: &str| {
        let changed = envelope.replace(from, to);
        assert_ne!(changed, envelope, "{what}");
        body(what, &changed)
    };
    let soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
    let doctype = |inside: &str| {
        let (declaration, rest) = envelope.split_once("?>").expect("a declaration");
        format!("{declaration}?><!DOCTYPE {inside}>{rest}")
    };
    let entity = doctype("e [<!ENTITY id \"e-1\">]").replace(">e-1<", ">&id;<");
    let outside = doctype("e [<!ENTITY id SYSTEM \"file:///etc/hostname\">]").replace(">e-1<", ">&id;<");
    let bomb: String =
        (1..10).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    let bomb = doctype(&format!("e [<!ENTITY a0 \"e\">{bomb}]")).replace(">e-1<", ">&a9;<");
    vec![
        body("nothing", ""),
        body("no XML", "callbackId=gw1"),
        body("JSON", "{\"eventId\":\"e-1\"}"),
        body("no envelope", &good.element()),
        body("cut off", &envelope[..envelope.len() - 20]),
        body("something behind", &format!("{envelope}<more/>")),
        body("a DOCTYPE", &doctype("Envelope")),
        body("an entity", &entity),
        body("an entity from outside", &outside),
        body("entities of entities", &bomb),
        body("an entity that is not declared", &envelope.replace(">e-1<", ">&e;<")),
        body(
            "two bodies",
            &envelope.replace("</s:Body>", &format!("</s:Body><s:Body>{}</s:Body>", good.element())),
        ),
        body("two results", &wrap(&(good.element() + &good.element()))),
        replaced("SOAP 1.2", soap11, "http://www.w3.org/2003/05/soap-envelope"),
        replaced("another namespace", "urn:xceed:api:1.0", "urn:xceed:api:1.1"),
        replaced("no namespace", " xmlns=\"urn:xceed:api:1.0\"", ""),
        replaced("another element", "eventResult", "eventResults"),
        replaced("two ids", "<eventId>", "<eventId>e-2</eventId><eventId>"),
        replaced("two codes", "<returnCode>", "<returnCode>ERROR</returnCode><returnCode>"),
        replaced("two actions", "<riskAction>", "<riskAction>Allow</riskAction><riskAction>"),
        replaced("two Results", "<Results>", "<Results><returnCode>ERROR</returnCode></Results><Results>"),
        replaced("two hashes", "<hashKey>", "<hashKey>0</hashKey><hashKey>"),
        replaced("markup in a value", "<riskAction>Hold", "<riskAction>Ho<b/>ld"),
        replaced(
            "a header to understand",
            "<s:Body>",
            "<s:Header><h s:mustUnderstand=\"1\"/></s:Header><s:Body>",
        ),
        named("UTF-16", callback_request("gw1", utf16(&envelope))),
        named("not UTF-8", callback_request("gw1", [envelope.as_bytes(), b"\xff"].concat())),
    ]
}

fn utf16(text: &str) -> Vec<u8> {
    let units =
        std::iter::once(0xfeff).chain(text.replace("UTF-8", "UTF-16").encode_utf16().collect::<Vec<_>>());
    units.flat_map(u16::to_le_bytes).collect()
}

/// What would take time or memory to read.
pub(crate) fn costly() -> Vec<Forged> {
    let element = Callback::of("e-1").element();
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" a{n:x}=\"\"")).collect();
        wrap(&element.replacen("<Results>", &format!("<Results{all}>"), 1))
    };
    let levels = |count: usize| {
        let deep = "<a>".repeat(count) + &"</a>".repeat(count);
        wrap(&element.replacen("</Results>", &format!("{deep}</Results>"), 1))
    };
    let body = |what: &str, body: String| named(what, callback_request("gw1", body));
    let padded = |length: usize| {
        wrap(&element.replacen("<Results>", &format!("<!--{}--><Results>", "x".repeat(length)), 1))
    };
    vec![
        body("100 000 attributes", attributes(100_000)),
        body("25 000 attributes", attributes(25_000)),
        body("100 000 levels", levels(100_000)),
        body("35 000 levels", levels(35_000)),
        body("40 levels", levels(40)),
        body("60 000 levels without an end", wrap(&"<a>".repeat(60_000))),
        body(
            "50 000 elements",
            wrap(&element.replacen("</Results>", &format!("{}</Results>", "<a/>".repeat(50_000)), 1)),
        ),
        body("300 KiB", padded(300 * 1024)),
        named("300 KiB in chunks", callback_request("gw1", padded(300 * 1024)).chunked()),
    ]
}

/// A genuine callback under another media type, XOP among them.
pub(crate) fn foreign_types() -> Vec<Forged> {
    let envelope = Callback::of("e-1").envelope();
    let typed = |content_type: &str, body: &str| {
        let request = Request::new("POST", "/xceed/callback/gw1").header("SOAPAction", "\"\"");
        let request = match content_type {
            "" => request,
            given => request.header("Content-Type", given),
        };
        (content_type.to_owned(), request.body(body))
    };
    let multipart = format!(
        "--b\r\nContent-Type: application/xop+xml; charset=utf-8; type=\"text/xml\"\r\nContent-ID: <r>\r\n\r\n\
         {}\r\n--b\r\nContent-Type: text/plain\r\nContent-ID: <h>\r\n\r\n{}\r\n--b--\r\n",
        envelope.replace(
            &Callback::of("e-1").hash(),
            "<x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:h\"/>"
        ),
        Callback::of("e-1").hash(),
    );
    let related =
        "multipart/related; type=\"application/xop+xml\"; boundary=b; start=\"<r>\"; start-info=\"text/xml\"";
    let compressed = typed("text/xml; charset=utf-8", &envelope).1.header("Content-Encoding", "gzip");
    vec![
        typed("", &envelope),
        typed("application/json", &envelope),
        typed("text/plain", &envelope),
        typed("text/html", &envelope),
        typed("application/x-www-form-urlencoded", &envelope),
        typed("application/soap+xml; charset=utf-8", &envelope),
        typed("text/xml; charset=iso-8859-1", &envelope),
        typed("text/xml; charset=utf-16", &envelope),
        typed("text/xmlx", &envelope),
        typed(related, &multipart),
        typed(related, &envelope),
        named("compressed", compressed),
    ]
}
