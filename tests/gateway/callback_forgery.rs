//! Callbacks that are not Xceed's, or not quite: each is refused in the same words, changes nothing, and leaves the
//! gateway as able as before. Whoever forges here knows a whole genuine callback, but no secret key.

use crate::harness::{
    Callback, Caller, Config, Gateway, Request, Response, Simulator, Tenant, callback_request,
    customer_event, wrap,
};
use sha1::{Digest, Sha1};

const SECOND_SECRET: &str = "99999999aaaaaaaa";

/// Two tenants, each with an event `e-1` that awaits its callback.
struct Scene {
    _xceed: Simulator,
    gateway: Gateway,
}

impl Scene {
    fn start() -> Self {
        let called_back = |tenant: Tenant, id: &str| tenant.with(&format!("xceed.callback_id = \"{id}\""));
        let tenants = [
            called_back(Tenant::first_bank(), "gw1"),
            called_back(Tenant::new("second-bank", 310_031).secret(SECOND_SECRET), "gw2"),
        ];
        let xceed = Simulator::start(&tenants);
        let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
        let scene = Self { _xceed: xceed, gateway };
        for caller in scene.callers() {
            await_callback(&caller, "e-1");
        }
        scene
    }

    fn callers(&self) -> [Caller; 2] {
        ["first-bank", "second-bank"].map(|tenant| self.gateway.caller_of(tenant))
    }

    fn seen(&self) -> [String; 2] {
        self.callers().map(|caller| caller.look_up("e-1").text())
    }

    /// Sends each, and finds it refused; afterwards the genuine callback still decides.
    #[track_caller]
    fn refuses(&self, attempts: impl IntoIterator<Item = (String, Request)>) {
        let before = self.seen();
        for (what, request) in attempts {
            let answer = self.gateway.try_call_back(&request);
            let answer = answer.unwrap_or_else(|error| panic!("{what}: no answer ({error})"));
            assert_refused(&answer, &what);
            assert_eq!(self.seen(), before, "{what} changed something");
        }
        let answer = self.gateway.call_back(&Callback::of("e-1").request());
        assert_eq!(answer.status, 200, "the genuine one: {}", answer.text());
        let [first, second] = self.seen();
        assert!(first.contains("\"decision\":\"REVIEW\"") && first.contains("SETTLED"), "{first}");
        assert_eq!(second, before[1], "the other tenant's event");
    }
}

fn await_callback(caller: &Caller, event_id: &str) {
    let event = customer_event(event_id, "SIM-CALLBACK-NEVER").to_string();
    assert_eq!(caller.submit_with("?mode=async", &[], event).status, 202);
    caller.until_state(event_id, "AWAITING_CALLBACK");
}

/// One and the same answer to everything, so that it teaches nothing.
#[track_caller]
fn assert_refused(answer: &Response, what: &str) {
    let fault =
        "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>refused</faultstring></soap:Fault>";
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>{fault}</soap:Body></soap:Envelope>"
    );
    assert_eq!((answer.status, answer.text()), (500, body), "{what}");
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"), "{what}");
}

fn named(what: &str, request: Request) -> (String, Request) {
    (what.to_owned(), request)
}

/// A genuine callback, changed after it was signed.
fn changed(what: &str, change: impl Fn(&mut Callback)) -> (String, Request) {
    let mut callback = Callback::of("e-1").sealed();
    change(&mut callback);
    named(what, callback.request())
}

#[test]
fn a_hash_is_right_to_the_letter() {
    let scene = Scene::start();
    let genuine = Callback::of("e-1");
    let hash = genuine.hash();
    let with = |what: &str, hash: &str| named(what, genuine.hashed(hash).request());
    let digest = |text: &str| hex::encode(Sha1::digest(text));
    let key = &genuine.secret;
    let other =
        Callback { service_id: "310031".to_owned(), secret: SECOND_SECRET.to_owned(), ..genuine.clone() };
    scene.refuses([
        with("of nothing", &digest("")),
        with("all zeros", &"0".repeat(40)),
        with("empty", ""),
        with("upper-case", &hash.to_uppercase()),
        with("one digit in upper case", &hash.replacen(|c: char| c.is_ascii_lowercase(), "F", 1)),
        with("39 digits", &hash[..39]),
        with("41 digits", &format!("{hash}0")),
        with("twice", &format!("{hash}{hash}")),
        with("with a space before", &format!(" {hash}")),
        with("with a line end behind", &format!("{hash}\n")),
        with("without the secret", &digest(&genuine.text().replace(key, ""))),
        with("with the secret at the end", &digest(&(genuine.text().replace(key, "") + key))),
        with("of another tenant", &other.hash()),
        with("of another tenant's secret alone", &digest(&genuine.text().replace(key, SECOND_SECRET))),
        with("in base64", "DWho2RtF2GqRlStqO6KjLYZ7GoQ="),
        with("of a request", &digest(&format!("3210021Wire{key}e-1gw1"))),
    ]);
}

#[test]
fn what_is_signed_can_not_be_changed() {
    let scene = Scene::start();
    let text = str::to_owned;
    scene.refuses([
        changed("another action", |callback| callback.risk_action = text("Allow")),
        changed("no action", |callback| callback.risk_action.clear()),
        changed("another score", |callback| callback.risk_score = text("7.0")),
        changed("the same score in other words", |callback| callback.risk_score = text("73")),
        changed("no score", |callback| callback.risk_score.clear()),
        changed("another code", |callback| callback.return_code = text("DATA_COLLECTION")),
        changed("the code in lower case", |callback| callback.return_code = text("success")),
        changed("another callback id", |callback| callback.callback_id = text("gw2")),
        changed("an unknown callback id", |callback| callback.callback_id = text("gw3")),
        changed("a callback id in upper case", |callback| callback.callback_id = text("GW1")),
        changed("no callback id", |callback| callback.callback_id.clear()),
    ]);
}

#[test]
fn what_is_signed_as_one_text_can_not_be_divided_elsewhere() {
    let scene = Scene::start();
    // Events that the shifted ids would name await their callbacks as well.
    for event_id in ["e-", "e", "e-1S", "e-1SUCCESS", "e-1SUCC"] {
        await_callback(&scene.gateway.caller(), event_id);
    }
    let shifted = |event_id: &str, code: &str, score: &str, action: &str| {
        let genuine = Callback::of("e-1").sealed();
        let [event_id, return_code, risk_score, risk_action] =
            [event_id, code, score, action].map(str::to_owned);
        let callback = Callback { event_id, return_code, risk_score, risk_action, ..genuine };
        assert_eq!(callback.text(), Callback::of("e-1").text(), "the concatenation stays");
        (format!("{callback:?}"), callback.request())
    };
    scene.refuses([
        shifted("e-1", "SUCCESS", "73", ".0Hold"),
        shifted("e-1", "SUCCESS", "7", "3.0Hold"),
        shifted("e-1", "SUCCESS", "", "73.0Hold"),
        shifted("e-1", "SUCCESS7", "3.0", "Hold"),
        shifted("e-1", "SUCCESS73.0", "", "Hold"),
        shifted("e-1", "SUCCESS73.0Hold", "", ""),
        shifted("e-", "1SUCCESS", "73.0", "Hold"),
        shifted("e", "-1SUCCESS", "73.0", "Hold"),
        shifted("e-1S", "UCCESS", "73.0", "Hold"),
        shifted("e-1SUCC", "ESS", "73.0", "Hold"),
        shifted("e-1SUCCESS", "", "73.0", "Hold"),
    ]);
    for event_id in ["e-", "e", "e-1S", "e-1SUCCESS", "e-1SUCC"] {
        assert_eq!(scene.gateway.look_up(event_id).json()["state"], "AWAITING_CALLBACK", "{event_id}");
    }
    let mut action = Callback::of("e-1").sealed();
    (action.risk_action, action.callback_id) = ("Holdg".to_owned(), "w1".to_owned());
    assert_refused(&scene.gateway.call_back(&callback_request("gw1", action.envelope())), "w1 at gw1");
    assert_refused(&scene.gateway.call_back(&callback_request("w1", action.envelope())), "w1 at w1");
}

#[test]
fn only_an_event_that_awaits_a_callback_can_have_one() {
    let scene = Scene::start();
    let caller = scene.gateway.caller();
    for (event_id, query) in [("e-sync", ""), ("e-ack", "?mode=ack")] {
        let event = customer_event(event_id, "C-1").to_string();
        caller.submit_with(query, &[], event);
        caller.until_state(event_id, "SETTLED");
    }
    let second = scene.gateway.caller_of("second-bank");
    await_callback(&second, "e-second");
    let before = ["e-sync", "e-ack"].map(|event_id| caller.look_up(event_id).text());
    let of = |what: &str, event_id: &str| named(what, Callback::of(event_id).request());
    let elsewhere = Callback::of("e-1").envelope();
    let nowhere =
        Request::new("POST", "/xceed/callback").header("Content-Type", "text/xml").body(elsewhere.clone());
    scene.refuses([
        of("an unknown event", "e-404"),
        of("an event with a decision", "e-sync"),
        of("an event that asked for none", "e-ack"),
        of("another tenant's event", "e-second"),
        of("no event", ""),
        of("no event's id", "e/1"),
        of("an id that is too long", &"e".repeat(129)),
        named("no address", nowhere),
        named("another tenant's address", callback_request("gw2", elsewhere.clone())),
        named("an unknown address", callback_request("gw3", elsewhere.clone())),
        named("an address in upper case", callback_request("GW1", elsewhere.clone())),
        named("an address with more behind", callback_request("gw1%00", elsewhere.clone())),
        named("an address with markup", callback_request("%3Cgw1%3E", elsewhere)),
    ]);
    assert_eq!(["e-sync", "e-ack"].map(|event_id| caller.look_up(event_id).text()), before);
}

/// The padding that SHA-1 puts behind a text of this length, and the hash of text, padding and suffix together: all
/// that can be worked out from a hash without the text.
fn extend(hash: &str, length: usize, suffix: &[u8]) -> (Vec<u8>, String) {
    let mut padding = vec![0x80];
    while (length + padding.len()) % 64 != 56 {
        padding.push(0);
    }
    padding.extend((length as u64 * 8).to_be_bytes());
    let digest = hex::decode(hash).expect("hex");
    let mut state: Vec<u32> =
        digest.chunks(4).map(|four| u32::from_be_bytes(four.try_into().expect("four"))).collect();
    let whole = length + padding.len() + suffix.len();
    let mut last = suffix.to_vec();
    last.push(0x80);
    last.resize(56, 0);
    last.extend((whole as u64 * 8).to_be_bytes());
    compress(&mut state, &last);
    (padding, hex::encode(state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>()))
}

/// One block of SHA-1.
fn compress(state: &mut [u32], block: &[u8]) {
    let mut words: Vec<u32> =
        block.chunks(4).map(|four| u32::from_be_bytes(four.try_into().expect("four"))).collect();
    for n in 16..80 {
        words.push((words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16]).rotate_left(1));
    }
    let mut now = [state[0], state[1], state[2], state[3], state[4]];
    for (n, word) in words.into_iter().enumerate() {
        let [a, b, c, d, e] = now;
        let (mix, constant) = match n / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let first = [mix, e, constant, word].into_iter().fold(a.rotate_left(5), u32::wrapping_add);
        now = [first, a, b.rotate_left(30), c, d];
    }
    for (word, more) in state.iter_mut().zip(now) {
        *word = word.wrapping_add(more);
    }
}

#[test]
fn a_hash_that_was_extended_without_the_secret_carries_nothing_in() {
    let scene = Scene::start();
    let genuine = Callback::of("e-1");
    let (padding, hash) = extend(&genuine.hash(), genuine.text().len(), b"gw1");
    let whole = [genuine.text().as_bytes(), &padding, b"gw1"].concat();
    assert_eq!(
        hash,
        hex::encode(Sha1::digest(&whole)),
        "the forged hash is the right one for the longer text"
    );
    let tail = [b"gw1", padding.as_slice(), b"gw1"].concat();
    let references: String = padding.iter().map(|byte| format!("&#{byte};")).collect();
    let hexadecimal: String = padding.iter().map(|byte| format!("&#x{byte:X};")).collect();
    let latin: String = tail.iter().map(|byte| char::from(*byte)).collect();
    let envelope = genuine.hashed(&hash).envelope();
    let with = |what: &str, callback_id: &[u8]| {
        let (before, after) = envelope.split_once("gw1").expect("the callback id");
        let body = [before.as_bytes(), callback_id, after.as_bytes()].concat();
        named(what, callback_request("gw1", body))
    };
    let cdata = [b"<![CDATA[", tail.as_slice(), b"]]>"].concat();
    let encoded: String = tail.iter().map(|byte| format!("%{byte:02X}")).collect();
    scene.refuses([
        with("raw", &tail),
        with("in CDATA", &cdata),
        with("as characters", latin.as_bytes()),
        with("as references", format!("gw1{references}gw1").as_bytes()),
        with("as hexadecimal references", format!("gw1{hexadecimal}gw1").as_bytes()),
        with("in base64", base64(&tail).as_bytes()),
        with("with the hash alone", b"gw1"),
        named("in the address", callback_request(&encoded, envelope.replacen("gw1", &latin, 1))),
    ]);
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |chunk: &[u8]| {
        let bits =
            (0..3).fold(0_usize, |bits, n| bits << 8 | usize::from(chunk.get(n).copied().unwrap_or(0)));
        let digit = |n: usize| char::from(ALPHABET[bits >> (18 - 6 * n) & 63]);
        (0..4).map(|n| if n <= chunk.len() { digit(n) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(three).collect()
}

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
