//! What is fuzzed: each target takes any bytes, and panics where something does not hold. Plain functions, so that a fuzzer
//! guided by coverage runs the very same (`fuzz/`).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use xceed_gateway::app::Sets;
use xceed_gateway::config::{Config, Documents};
use xceed_gateway::domain::delivery::Attempt;
use xceed_gateway::domain::field::Field;
use xceed_gateway::domain::identifiers::TenantName;
use xceed_gateway::http::pieces::Pieces;
use xceed_gateway::http::{form, json, peer::Peers};
use xceed_gateway::secrets::Secret;
use xceed_gateway::soap::tree;
use xceed_gateway::sources::{Source, SourceSettings};
use xceed_gateway::xceed::callback::Callbacks;
use xceed_gateway::xceed::link::{Link, Settings};
use xceed_gateway::xceed::mapping::Mapping;
use xceed_gateway::xceed::operations::ApiSet;
use xceed_gateway::xceed::results::{HttpAnswer, judge};
use xceed_gateway::xceed::soap_client::prepare;

/// One target.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Good inputs, to begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    pub(crate) run: fn(&[u8]),
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "json", seeds: events, run: read_json },
    Target { name: "event", seeds: events, run: event },
    Target { name: "form", seeds: forms, run: read_form },
    Target { name: "batch", seeds: batches, run: batch },
    Target { name: "source-body", seeds: bodies, run: source_body },
    Target { name: "source-file", seeds: sources, run: source_file },
    Target { name: "xml", seeds: documents, run: xml },
    Target { name: "results", seeds: results, run: read_results },
    Target { name: "callback", seeds: callbacks, run: callback },
    Target { name: "forwarded", seeds: hops, run: forwarded },
    Target { name: "mapping", seeds: mappings, run: mapping },
    Target { name: "operations", seeds: operations, run: read_operations },
    Target { name: "configuration", seeds: configurations, run: configuration },
];

/// What most targets need: made once for each thread.
struct Desk {
    sets: Sets,
    link: Arc<Link>,
    sources: Vec<Source>,
    callbacks: Callbacks,
}

thread_local! {
    static DESK: Desk = Desk::new();
}

impl Desk {
    fn new() -> Self {
        let documents = Documents::read(&root().join("xsd")).expect("the sets are there");
        let sets = Sets::compile(&documents).expect("the sets are sound");
        let settings = Settings {
            url: "http://127.0.0.1:9/xceed".to_owned(),
            platform_id: "3".to_owned(),
            service_id: "210021".to_owned(),
            secret_key: Secret::new("311a5439c8bda8ef".to_owned()),
            secret_key_next: None,
            channel: "Wire".to_owned(),
            channels: BTreeMap::new(),
            schema: "1.0".to_owned(),
            attempt_timeout: Duration::from_secs(5),
            tls: Default::default(),
        };
        let link = Arc::new(Link::new(settings, sets.versions["1.0"].clone(), sets.api.clone(), None));
        let compile =
            |settings: &SourceSettings| Source::compile(settings, link.members()).expect("it ships");
        let sources = SourceSettings::shipped().iter().map(compile).collect();
        let callbacks = Callbacks::new(sets.api.clone(), vec![(bank(), Some("gw1".into()), link.clone())]);
        Self { sets, link, sources, callbacks }
    }
}

fn bank() -> TenantName {
    TenantName::new("bank")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join("xsd/api").is_dir())
        .expect("the project")
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_795_334_400)
}

/// Every file of that name in the fixtures of the contract.
fn fixtures(name: &str) -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(root().join("fixtures/contract")).expect("the fixtures are there");
    let mut files: Vec<_> = folder.flatten().map(|case| case.path().join(name)).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(root().join(name)).expect("it is there")
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn events() -> Vec<Vec<u8>> {
    fixtures("1-event.json")
}

fn read_json(data: &[u8]) {
    let ours = json::read(data);
    // How large a number may be is nobody's grammar.
    let theirs = serde_json::from_slice::<serde::de::IgnoredAny>(data);
    if let Ok(field) = &ours {
        assert!(theirs.is_ok(), "what another reader refuses is read");
        assert_eq!(field.fingerprint(), json::read(data).expect("as before").fingerprint());
    }
}

/// What is prepared is valid by its own set; what is refused is told without a value.
fn event(data: &[u8]) {
    let Ok(field) = json::read(data) else { return };
    DESK.with(|desk| prepared(desk, &field));
}

fn prepared(desk: &Desk, field: &Field<'_>) {
    match prepare(&desk.link, field, now()) {
        Ok(prepared) => {
            let payload = &prepared.message.payload;
            assert!(!payload.contains('\r'), "a carriage return would not arrive as it is signed");
            assert!(desk.sets.versions["1.0"].set.validate(payload).is_empty(), "it is not valid");
            assert!(
                tree::read(payload.as_bytes()).is_ok() || payload.len() > tree::DOCUMENT_MAX,
                "it can't be read"
            );
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "it is refused, and nothing is wrong");
            for fault in faults {
                for value in longer_texts(field) {
                    assert!(!fault.message.contains(value), "{} repeats a value", fault.field);
                }
            }
        }
    }
}

/// Texts that no message has by chance, and no rule has in its words: they hold a long number.
fn longer_texts<'f>(field: &'f Field<'_>) -> Vec<&'f str> {
    match field {
        Field::Text(text) if text.as_bytes().windows(6).any(|run| run.iter().all(u8::is_ascii_digit)) => {
            vec![text]
        }
        Field::Object(members) => members.iter().flat_map(|(_, value)| longer_texts(value)).collect(),
        _ => Vec::new(),
    }
}

fn forms() -> Vec<Vec<u8>> {
    texts(&["a=1&b=%C3%A9+x&c=", "customer_id=C-1&transaction_amount=12.50&currency_code=USD", "a=%00&%41=2"])
}

fn read_form(data: &[u8]) {
    if form::is_form(data)
        && let Ok(Field::Object(members)) = form::read(data)
    {
        let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
    }
}

fn batches() -> Vec<Vec<u8>> {
    let lines = events().into_iter().take(3).map(|event| String::from_utf8_lossy(&event).replace('\n', " "));
    let lines: Vec<_> = lines.collect();
    vec![
        lines.join("\n").into_bytes(),
        format!("[{}]", lines.join(",")).into_bytes(),
        b"[{\"a\":\"]}\\\"\"}]".to_vec(),
    ]
}

/// However a body is cut on its way, the same events are in it.
fn batch(data: &[u8]) {
    let cut = |size: usize| {
        let (mut pieces, mut into) = (Pieces::new(false), Vec::new());
        data.chunks(size).for_each(|chunk| pieces.push(chunk, &mut into));
        pieces.end(&mut into);
        into
    };
    let whole = cut(data.len().max(1));
    assert_eq!(whole, cut(1), "cut otherwise it is another");
    assert!(whole.windows(2).all(|pair| pair[0].number < pair[1].number), "their numbers rise");
}

fn bodies() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"eventType":"WireTransfer","data":{"interactionId":"1","transactionId":"T","amount":5.5,"customerId":"C","attributes":{"a":"b"}}}"#,
        r#"{"contactId":"1","customerId":"C","transactionId":"T","amount":"12.5","currency":"USD","eventType":"Login"}"#,
        r#"{"customer_id":"C","transaction_amount":1.25E7,"currency_code":"USD","device_fingerprint":"d","timestamp":"2026-11-22T08:00:00Z"}"#,
        r#"{"customer_id":"${input.x}","conversation_id":"c"}"#,
    ])
}

fn source_body(data: &[u8]) {
    let Ok(body) = json::read(data) else { return };
    DESK.with(|desk| {
        for source in &desk.sources {
            let (one, other) = (source.read(&bank(), &body), source.read(&bank(), &body));
            assert_eq!(
                (&one.name, one.fingerprint),
                (&other.name, other.fingerprint),
                "a call again is another"
            );
            prepared(desk, &one.named("named-1".to_owned()));
        }
    });
}

fn sources() -> Vec<Vec<u8>> {
    let shipped = SourceSettings::shipped().into_iter().map(|source| source.text.into_bytes());
    shipped.chain([file("fixtures/sources/my-ivr.toml"), file("fixtures/sources/whole.toml")]).collect()
}

fn source_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let settings = SourceSettings {
        name: "fuzzed".to_owned(),
        file: "fuzzed.toml".to_owned(),
        text: text.to_owned(),
        samples: Vec::new(),
    };
    DESK.with(|desk| {
        let Ok(source) = Source::compile(&settings, desk.link.members()) else { return };
        for body in bodies() {
            let body = json::read(&body).expect("it is JSON");
            drop(source.read(&bank(), &body).named("named-1".to_owned()));
        }
    });
}

fn documents() -> Vec<Vec<u8>> {
    let mut documents = fixtures("2-payload.xml");
    documents.extend(texts(&[
        "<a xmlns='u:1'><b x='&lt;'>t&#x41;<![CDATA[&]]></b><!-- c --></a>",
        "<!DOCTYPE a><a/>",
    ]));
    documents
}

fn xml(data: &[u8]) {
    let read = tree::read(data);
    if data.windows(9).any(|window| window == b"<!DOCTYPE") && data.starts_with(b"<!DOCTYPE") {
        assert!(read.is_err(), "a document type is read");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && data.len() < 20_000
    {
        DESK.with(|desk| drop(desk.sets.versions["1.0"].set.validate(text)));
    }
}

fn results() -> Vec<Vec<u8>> {
    fixtures("4-results.xml")
}

fn read_results(data: &[u8]) {
    DESK.with(|desk| {
        let api = &desk.sets.api;
        for (status, content_type) in
            [(200, Some("text/xml; charset=utf-8")), (500, Some("text/xml")), (200, None)]
        {
            let answer = HttpAnswer { status, content_type, content_encoding: None, body: data };
            let attempt = judge(answer, &api.add_event, &api.results, "e-1");
            if let Attempt::Answered(results) = attempt {
                assert_eq!(status, 200, "an error is an answer");
                let (least, most) = (0.into(), 100.into());
                assert!(
                    results.risk_score.is_none_or(|score| (least..=most).contains(&score)),
                    "no such score"
                );
            }
        }
    });
}

fn callbacks() -> Vec<Vec<u8>> {
    texts(&[
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><eventResult xmlns="urn:xceed:api:1.0"><callbackId>gw1</callbackId><eventId>e-1</eventId><Results><returnCode>SUCCESS</returnCode><riskScore>73.0</riskScore><riskAction>Hold</riskAction></Results><hashKey>d158629a5c0bfb8ccd31d5bbf895221986728cd0</hashKey></eventResult></s:Body></s:Envelope>"#,
    ])
}

/// Nobody who does not know the secret is believed.
fn callback(data: &[u8]) {
    DESK.with(|desk| {
        if let Some(result) = desk.callbacks.read("gw1", data) {
            assert!(!desk.callbacks.is_signed(&bank(), "Wire", &result), "a forged callback is believed");
        }
    });
}

fn hops() -> Vec<Vec<u8>> {
    texts(&[
        "X-Forwarded-For: 203.0.113.7, 10.0.0.1",
        "Forwarded: for=\"[2001:db8::1]:80\";proto=https, for=10.0.0.2",
        "X-Forwarded-For: unknown\nX-Forwarded-For: ::ffff:10.0.0.1",
    ])
}

/// What a caller writes in front changes nothing: only what a trusted proxy has appended counts.
fn forwarded(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..at]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[at + 1..].trim_ascii())) {
            headers.append(name, value);
        }
    }
    let trusted = vec!["10.0.0.0/8".parse().expect("a network")];
    let peers = Peers { trusted, allowed: Default::default() };
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(
        peers.origin(address("203.0.113.9"), &headers),
        Some(address("203.0.113.9")),
        "it is no proxy"
    );
    let _ = peers.origin(address("10.0.0.9"), &headers);
}

fn mappings() -> Vec<Vec<u8>> {
    vec![file("xsd/1.0/mapping.toml"), file("xsd/1.1/mapping.toml")]
}

fn mapping(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    DESK.with(|desk| drop(Mapping::compile(text, &desk.sets.versions["1.0"].set)));
}

fn operations() -> Vec<Vec<u8>> {
    vec![file("xsd/api/operations.toml")]
}

fn read_operations(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(ApiSet::compile(text));
    }
}

fn configurations() -> Vec<Vec<u8>> {
    vec![file("deploy/gateway.toml")]
}

/// Nothing that stands there is repeated, in case it is a secret by mistake.
fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Files that it names are not looked for: a fuzzer must not read what it likes.
    if text.contains("file") || text.contains("dir") || text.contains("tls") || text.contains("sources") {
        let text = text
            .replace("file", "fil")
            .replace("dir", "di")
            .replace("tls", "tl")
            .replace("sources", "source");
        let _ = Config::parse(&text, []);
        return;
    }
    let _ = Config::parse(text, []);
}
