//! The same cases with another vendor's schema set and API set: other names, other order, other namespaces, another
//! signature, and not a line of code for it. The decisions are those of the main cases; what Xceed hears lies in
//! `fixtures/foreign/contract`, and the oracle reads it too.

use crate::harness::{
    Canned, Case, Config, Connection, Do, Gateway, Goldens, Node, Response, Tenant, answer, cases, event,
    read_xml, repository,
};
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

/// Cases about a member that set 1.1 brings, which the foreign set does not know.
const OF_SET_1_1: [&str; 3] =
    ["280-schema-1-1-optional-fields", "283-schema-1-1-recurring-false", "480-boolean-by-another-word"];

const GOLDEN: &str = "fixtures/foreign/contract";
const FOREIGN: &str = "http://ws.foreign.example/risk/2010";

#[test]
fn a_foreign_vendors_sets_work_without_code() {
    let all = cases();
    let cases: Vec<&Case> = all.iter().filter(|case| !OF_SET_1_1.contains(&case.name.as_str())).collect();
    assert_eq!(cases.len() + OF_SET_1_1.len(), all.len(), "a case is named that there is not");
    for folder in fs::read_dir(repository(GOLDEN)).into_iter().flatten().flatten() {
        let known = cases.iter().any(|case| folder.file_name() == case.name.as_str());
        assert!(known, "{}: belongs to no case; remove it", folder.path().display());
    }
    let xceed = foreign(&cases);
    let mut goldens = Goldens::default();
    let mut groups: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        groups.entry(&case.tenant).or_default().push(case);
    }
    for (tenant, cases) in groups {
        let tenant = Tenant::first_bank().with(tenant).with("xceed.schema = \"2.7\"");
        let config = Config::new([tenant], &xceed.url()).schemas(repository("fixtures/foreign/xsd"));
        let gateway = Gateway::start(config);
        let mut connection = Connection::open(gateway.address()).expect("it listens");
        for case in cases {
            let response = connection.send(&gateway.caller().submission("", case.event.clone()));
            let response = response.unwrap_or_else(|error| panic!("{}: no answer ({error})", case.name));
            compare(case, &response, &mut goldens);
            let heard = xceed.heard_of(&activity(&case.name)).into_iter().next().map(|heard| heard.body);
            let payload = heard.as_deref().and_then(read_xml);
            let payload = payload.and_then(|node| node.text_of("document").map(str::to_owned));
            let folder = repository(GOLDEN).join(&case.name);
            goldens.compare(&folder.join("2-payload.xml"), payload.as_deref());
            goldens.compare(&folder.join("3-envelope.xml"), heard.as_deref());
        }
    }
    goldens.finish();
}

#[test]
fn a_foreign_vendors_batches_work_without_code_too() {
    let rejected = "<rejections><rejection activityRef=\"e-2\">wrong</rejection></rejections>";
    let verdict = format!("<Verdict><Status><code>XML_VALIDATION_FAIL</code></Status>{rejected}</Verdict>");
    let reply = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>\
         <f:submitActivitiesReply xmlns:f=\"{FOREIGN}\">{verdict}</f:submitActivitiesReply></e:Body></e:Envelope>"
    );
    let xceed =
        Canned::start(move |_| vec![Do::Say(answer(200, "text/xml; charset=utf-8", reply.as_bytes()))]);
    let tenant = Tenant::first_bank().with("xceed.schema = \"2.7\"");
    let config = Config::new([tenant], &xceed.url()).schemas(repository("fixtures/foreign/xsd"));
    let gateway = Gateway::start(config);
    let posted = gateway.caller().posted("", &[event("e-1"), event("e-2"), event("e-3")]);
    let batch = gateway.caller().until_done(&posted);
    assert_eq!((&batch["settled"], &batch["parked"]), (&Value::from(2), &Value::from(1)), "{batch}");
    assert_eq!(gateway.look_up("e-2").json()["state"], "PARKED");
    let heard = xceed.heard();
    assert!(heard.len() == 1 && heard[0].head.contains("submitActivities\""), "{heard:?}");
    let message = read_xml(&heard[0].body).expect("XML");
    let text = |name: &str| message.text_of(name).unwrap_or_default().to_owned();
    let document = text("document");
    let places: Vec<_> = ["e-1", "e-2", "e-3"].iter().map(|id| document.find(&activity(id))).collect();
    assert!(places.is_sorted() && places[0].is_some(), "all of them in one document: {document}");
    let signed = ["311a5439c8bda8ef", "3", &document, &text("lane"), &text("site"), &text("house")].concat();
    assert_eq!((text("count"), text("digest")), ("3".into(), hex::encode_upper(Sha1::digest(signed))));
}

/// A foreign Xceed that answers each case's event in its own words.
fn foreign(cases: &[&Case]) -> Canned {
    let translated = |case: &&Case| {
        let mut answer = case.answer.clone()?;
        answer.body = translate(&answer.body).unwrap_or(answer.body);
        Some((activity(&case.name), answer.bytes()))
    };
    let answers: HashMap<_, _> = cases.iter().filter_map(translated).collect();
    Canned::start(move |heard| {
        let known = answers.iter().find(|(id, _)| heard.body.contains(id.as_str()));
        vec![Do::Say(
            known.map_or_else(|| answer(404, "text/plain", b"no such case"), |(_, bytes)| bytes.clone()),
        )]
    })
}

/// An event's id as it stands in a payload in CDATA.
fn activity(case: &str) -> String {
    format!("<ActivityRef>{case}</ActivityRef>")
}

/// Xceed's answer in the foreign words; `None` where it is no answer to be translated.
fn translate(body: &str) -> Option<String> {
    let whole = Some(body).filter(|body| !body.contains("<!DOCTYPE")).and_then(read_xml)?;
    let message = whole
        .find("addEventResponse")
        .filter(|node| node.namespace.as_deref() == Some("urn:xceed:api:1.0"))?;
    let results = message.find("Results")?;
    let all = |name: &str, to: &str| {
        let of_name = results.children.iter().filter(|child| child.name == name);
        of_name.map(|child| element(to, &escape(&child.text))).collect::<String>()
    };
    let status =
        [all("returnCode", "code"), all("returnMessage", "words"), all("eventId", "activityRef")].concat();
    let grounds = element("grounds", &all("reason", "ground"));
    let risk = [all("riskScore", "score"), all("riskAction", "advice"), grounds].concat();
    let rejections = results.find("validationErrors").map(rejections).unwrap_or_default();
    let verdict = [element("Status", &status), element("Risk", &risk), rejections].concat();
    let reply = element("Verdict", &verdict);
    Some(format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>\
         <f:submitActivityReply xmlns:f=\"{FOREIGN}\">{reply}</f:submitActivityReply></e:Body></e:Envelope>"
    ))
}

fn rejections(errors: &Node) -> String {
    let rejection = |error: &Node| {
        let of = error.attributes.iter().map(|(_, value)| format!(" activityRef=\"{}\"", escape(value)));
        format!("<rejection{}>{}</rejection>", of.collect::<String>(), escape(&error.text))
    };
    element("rejections", &errors.children.iter().map(rejection).collect::<String>())
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The caller hears what it heard with the shipped sets, but for the names of elements.
fn compare(case: &Case, response: &Response, goldens: &mut Goldens) {
    let expected = |name: &str| {
        let text = fs::read_to_string(case.folder.join(name)).ok()?;
        Some(serde_json::from_str::<Value>(&text).expect("a golden file is JSON"))
    };
    let (told, status) = (response.json(), response.status);
    if let Some(mut decision) = expected("5-decision.json") {
        let mut told = told.clone();
        for member in ["decidedAt", "latencyMs", "defaulted"] {
            told[member].take();
            decision[member].take();
        }
        if status != 200 || told != decision {
            goldens.differ(format!("{}: {status}\n  main: {decision}\n  here: {told}", case.name));
        }
    }
    if let Some(problem) = expected("5-problem.json")
        && (problem["status"] != status
            || problem["type"] != told["type"]
            || faults(&problem) != faults(&told))
    {
        goldens.differ(format!("{}: {status}\n  main: {problem}\n  here: {told}", case.name));
    }
}

/// The fields at fault, with their rules.
fn faults(problem: &Value) -> BTreeSet<String> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors.map(|error| format!("{} {}", error["field"], error["rule"])).collect()
}
