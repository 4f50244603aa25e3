//! Bodies: what is no plain SOAP 1.1 in UTF-8, what costs too much, and what only looks different.

use super::{Scene, named};
use crate::harness::{Callback, Request, callback_request, wrap};

#[test]
fn what_is_no_plain_soap_is_refused_like_the_rest() {
    let scene = Scene::start();
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
    scene.refuses([
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
    ]);
}

fn utf16(text: &str) -> Vec<u8> {
    let units =
        std::iter::once(0xfeff).chain(text.replace("UTF-8", "UTF-16").encode_utf16().collect::<Vec<_>>());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn what_costs_too_much_is_refused_before_it_does() {
    let scene = Scene::start();
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
    scene.refuses([
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
    ]);
}

#[test]
fn only_text_xml_in_utf_8_is_read() {
    let scene = Scene::start();
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
    scene.refuses([
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
    ]);
}

#[test]
fn fields_that_the_signature_does_not_cover_are_not_believed() {
    let scene = Scene::start();
    let envelope = Callback::of("e-1").envelope();
    let more = "<returnMessage>card 4111111111111111</returnMessage><reason>whatever</reason>\
                <validationErrors><error eventId=\"e-1\">a lie</error></validationErrors></Results>";
    let envelope =
        envelope.replace("</Results>", more).replace("<Results>", "<Results><eventId>e-404</eventId>");
    let answer = scene.gateway.call_back(&callback_request("gw1", envelope));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let [seen, _] = scene.seen();
    assert!(seen.contains("\"decision\":\"REVIEW\""), "{seen}");
    for word in ["whatever", "a lie", "4111", "e-404"] {
        assert!(!seen.contains(word), "{seen}");
    }
}

#[test]
fn the_same_words_in_another_form_of_xml_are_the_same() {
    let scene = Scene::start();
    let callback = Callback::of("e-1");
    let other = format!(
        "<!-- as another toolkit writes --><E:Envelope xmlns:E='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:x='urn:xceed:api:1.0'>\n <E:Header><t:trace xmlns:t='urn:t'>1</t:trace></E:Header>\n <E:Body>\n  \
         <x:eventResult>\n   <x:callbackId>&#103;w1</x:callbackId><x:eventId><![CDATA[e-]]>1</x:eventId>\n   \
         <x:Results>\n<x:returnCode>SUCCESS</x:returnCode><x:riskScore>73.0</x:riskScore>\
         <x:riskAction>Hold</x:riskAction>\n</x:Results>\n<x:hashKey>{}</x:hashKey></x:eventResult>\n </E:Body>\n\
         </E:Envelope>\n",
        callback.hash()
    );
    let answers =
        [other, callback.envelope()].map(|body| scene.gateway.call_back(&callback_request("gw1", body)));
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body), "{}", answer.text());
    }
    let [seen, _] = scene.seen();
    assert!(seen.contains("\"decision\":\"REVIEW\"") && seen.contains("\"late\":null"), "{seen}");
}
