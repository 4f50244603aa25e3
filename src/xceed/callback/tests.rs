//! Callbacks of the reference model and of a foreign API set, with signatures made by `sha1sum`.

use super::*;
use crate::xceed::link::{Settings, Version};
use crate::xceed::mapping::Mapping;
use crate::xceed::schema::SchemaSet;
use std::collections::BTreeMap;
use std::time::Duration;

const SHIPPED: &str = include_str!("../../../xsd/api/operations.toml");
const FOREIGN: &str = include_str!("../../../fixtures/foreign/xsd/api/operations.toml");

fn link(api: &Arc<ApiSet>, service_id: &str) -> Arc<Link> {
    let file = |name: &str| (name.to_owned(), std::fs::read(format!("xsd/1.0/{name}")).expect("there"));
    let set = SchemaSet::load("1.0", [file("events.xsd"), file("types.xsd")].into()).expect("sound");
    let mapping = Mapping::compile(include_str!("../../../xsd/1.0/mapping.toml"), &set).expect("sound");
    let settings = Settings {
        url: "http://127.0.0.1:9/xceed".into(),
        platform_id: "3".into(),
        service_id: service_id.into(),
        secret_key: Secret::new("311a5439c8bda8ef".into()),
        secret_key_next: Some(Secret::new("00000000000000ff".into())),
        channel: "Wire".into(),
        channels: BTreeMap::new(),
        schema: "1.0".into(),
        attempt_timeout: Duration::from_secs(5),
        tls: Default::default(),
    };
    Arc::new(Link::new(settings, Arc::new(Version { set, mapping }), api.clone(), None))
}

fn bank() -> TenantName {
    TenantName::new("first-bank")
}

fn callbacks(operations: &str, id: Option<&str>) -> Callbacks {
    let api = Arc::new(ApiSet::compile(operations).expect("sound"));
    let link = link(&api, "210021");
    Callbacks::new(api, vec![(bank(), id.map(Into::into), link)])
}

fn soap(body: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>{body}</e:Body></e:Envelope>"
    )
}

/// A callback with these Results.
fn result(results: &str, hash: &str) -> String {
    soap(&format!(
        "<eventResult xmlns=\"urn:xceed:api:1.0\"><callbackId>gw1</callbackId><eventId>e-1</eventId>\
         <Results>{results}</Results><hashKey>{hash}</hashKey></eventResult>"
    ))
}

const HOLD: &str = "<returnCode>SUCCESS</returnCode><riskScore>73.0</riskScore><riskAction>Hold</riskAction>";

fn signed(results: &str, channel: &str, hash: &str) -> Option<bool> {
    let callbacks = callbacks(SHIPPED, Some("gw1"));
    let read = callbacks.read("gw1", result(results, hash).as_bytes())?;
    Some(callbacks.is_signed(&bank(), channel, &read))
}

#[test]
fn signatures_of_another_tool_are_believed() {
    let skipped = "<returnCode>MSG_SKIPPED</returnCode>";
    let no_action = "<returnCode>SUCCESS</returnCode><riskScore>73.50</riskScore><riskAction/>";
    for (results, channel, hash) in [
        (HOLD, "Wire", "36232aaad5a8d5e5bc2f9060db658cdf55756b7a"),
        (HOLD, "ACH", "09d24cc123dd214b74f296c3abde22dfcfefd8ad"),
        (skipped, "Wire", "804091b745928edcdee23330101d954f501d57a9"),
        (no_action, "Wire", "15414bebe08e730c51ad1fd32a4e1d6f9fe941d7"),
        (HOLD, "Wire", "0352d416bfdebde03e2a7ad98804280ae177764a"), // by the next key
    ] {
        assert_eq!(signed(results, channel, hash), Some(true), "{results} {channel}");
        assert_eq!(signed(results, channel, &hash.to_uppercase()), Some(false));
        assert_eq!(signed(results, "Other", hash), Some(false));
        assert_eq!(signed(results, channel, &hash[1..]), Some(false));
    }
    let callbacks = callbacks(SHIPPED, Some("gw1"));
    let read = callbacks
        .read("gw1", result(HOLD, "36232aaad5a8d5e5bc2f9060db658cdf55756b7a").as_bytes())
        .expect("read");
    assert!(!callbacks.is_signed(&TenantName::new("second-bank"), "Wire", &read), "not theirs");
}

#[test]
fn a_callback_is_read_with_what_its_signature_covers_and_no_more() {
    let callbacks = callbacks(SHIPPED, Some("gw1"));
    let more =
        format!("{HOLD}<reason>a lie</reason><returnMessage>another</returnMessage><eventId>e-9</eventId>");
    let read = callbacks.read("gw1", result(&more, "0").as_bytes()).expect("read");
    assert_eq!(read.event_id.as_str(), "e-1");
    assert_eq!(read.said, ["SUCCESS", "73.0", "Hold"]);
    assert_eq!(read.results.code.word(), "SUCCESS");
    assert_eq!(read.results.risk_score.map(|score| score.to_string()).as_deref(), Some("73.0"));
    assert!(read.results.reasons.is_empty() && read.results.remarks.is_empty());
}

#[test]
fn what_is_not_exactly_a_callback_is_none() {
    let callbacks = callbacks(SHIPPED, Some("gw1"));
    let good = result(HOLD, "0");
    assert!(callbacks.read("gw1", good.as_bytes()).is_some());
    assert!(callbacks.read("gw2", good.as_bytes()).is_none(), "another address");
    assert!(callbacks.read("gw1", soap("<e:Fault/>").as_bytes()).is_none());
    for (from, to) in [
        ("urn:xceed:api:1.0", "urn:other"),
        ("eventResult", "eventResults"),
        ("<hashKey>0</hashKey>", ""),
        ("<callbackId>gw1</callbackId>", ""),
        ("<eventId>e-1</eventId>", ""),
        (">e-1<", "> e-1<"),
        (">e-1<", ">e 1<"),
        ("<Results>", "<Results/><Results><returnCode>ERROR</returnCode></Results><Results>"),
        (">73.0<", ">101<"),
        (">73.0<", ">high<"),
        (">SUCCESS<", "><"),
        (">SUCCESS<", "> SUCCESS<"),
        (">Hold<", "> Hold<"),
        (">Hold<", ">3Hold<"),
        (">Hold<", ">Ho<b/>ld<"),
    ] {
        let changed = good.replace(from, to);
        assert_ne!(changed, good);
        assert!(callbacks.read("gw1", changed.as_bytes()).is_none(), "{from} → {to}");
    }
}

#[test]
fn a_foreign_api_set_reads_signs_and_acknowledges_without_code() {
    let callbacks = callbacks(FOREIGN, Some("gw1"));
    let body = soap(
        "<f:activityVerdict xmlns:f=\"http://ws.foreign.example/risk/2010\"><replyTo>gw1</replyTo>\
         <activityRef>e-1</activityRef><Verdict><Status><code>SUCCESS</code></Status>\
         <Risk><score>73.0</score><advice>Hold</advice></Risk></Verdict>\
         <digest>4DF0C5D7940B1A364B879F261E74A07A382F467D</digest></f:activityVerdict>",
    );
    let read = callbacks.read("gw1", body.as_bytes()).expect("read");
    assert_eq!(
        (read.event_id.as_str(), &read.said),
        ("e-1", &["SUCCESS", "73.0", "Hold"].map(str::to_owned))
    );
    assert!(callbacks.is_signed(&bank(), "Wire", &read));
    let lower = body.replace(
        "4DF0C5D7940B1A364B879F261E74A07A382F467D",
        &"4DF0C5D7940B1A364B879F261E74A07A382F467D".to_lowercase(),
    );
    let lower = callbacks.read("gw1", lower.as_bytes()).expect("read");
    assert!(!callbacks.is_signed(&bank(), "Wire", &lower), "its digits are upper-case");
    assert!(callbacks.read("gw1", result(HOLD, "0").as_bytes()).is_none());
    let ack = callbacks.acknowledgement();
    let Ok(Body::Message(ack)) = open(ack.as_bytes()) else { panic!("{ack}") };
    assert!(ack.is(Some("http://ws.foreign.example/risk/2010"), "activityVerdictReply"));
    assert!(ack.children.len() == 1 && ack.children[0].is(None, "received") && ack.children[0].text == "OK");
}

#[test]
fn an_acknowledgement_and_a_refusal_are_soap() {
    let ack = callbacks(SHIPPED, Some("gw1")).acknowledgement();
    let Ok(Body::Message(ack)) = open(ack.as_bytes()) else { panic!("{ack}") };
    assert!(ack.is(Some("urn:xceed:api:1.0"), "eventResultResponse"));
    assert!(ack.children[0].is(Some("urn:xceed:api:1.0"), "ack") && ack.children[0].text == "OK");
    assert_eq!(open(Callbacks::refusal().as_bytes()), Ok(Body::Fault));
}

#[test]
fn the_address_to_register_ends_with_the_id_where_all_have_the_same() {
    let of = |id: Option<&str>| callbacks(SHIPPED, id).address("https://gateway.example/");
    assert_eq!(of(Some("gw1")), "https://gateway.example/xceed/callback/gw1");
    assert_eq!(of(None), "https://gateway.example/xceed/callback");
    let (api, second) = (Arc::new(ApiSet::compile(SHIPPED).expect("sound")), TenantName::new("second-bank"));
    let tenants = |ids: [&str; 2]| {
        let [one, other] = ids.map(|id| Some(Arc::from(id)));
        vec![(bank(), one, link(&api, "210021")), (second.clone(), other, link(&api, "310031"))]
    };
    let shared = Callbacks::new(api.clone(), tenants(["gw1", "gw1"]));
    assert_eq!(shared.address("http://g"), "http://g/xceed/callback/gw1");
    assert_eq!(shared.tenants("gw1").count(), 2);
    let apart = Callbacks::new(api.clone(), tenants(["gw1", "gw2"]));
    assert_eq!(apart.address("http://g"), "http://g/xceed/callback");
    assert_eq!(apart.tenants("gw2").collect::<Vec<_>>(), [&second]);
    assert_eq!((apart.tenants("gw3").count(), apart.all_tenants().count()), (0, 2));
    assert_eq!(callbacks(SHIPPED, None).tenants("any").count(), 1, "each event has an id of its own");
}
