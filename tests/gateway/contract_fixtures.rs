//! Every case of `fixtures/contract` through a gateway: what the caller sends, what Xceed hears and answers, what the
//! caller hears. `tests/oracle/check.py` reads the same folders with tools that share nothing with the gateway.

use crate::harness::{
    Canned, Case, Config, Connection, Do, Gateway, Goldens, Heard, Response, Tenant, answer, cases, laid_out,
    read_xml,
};
use std::collections::{BTreeMap, HashMap};

#[test]
fn every_case_is_told_as_its_files_say() {
    let cases = cases();
    let xceed = xceed(&cases);
    let mut goldens = Goldens::default();
    // One gateway for all cases whose tenants are the same: they share the ids that the vendor issued, so that a single
    // gateway could not tell them apart.
    let mut groups: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        groups.entry(&case.tenant).or_default().push(case);
    }
    for (tenant, cases) in groups {
        let config = Config::new([Tenant::first_bank().with(tenant)], &xceed.url());
        let gateway = Gateway::start(config);
        let mut connection = Connection::open(gateway.address()).expect("it listens");
        for case in cases {
            let response = connection.send(&gateway.caller().submission("", case.event.clone()));
            let response = response.unwrap_or_else(|error| panic!("{}: no answer ({error})", case.name));
            compare(case, &response, xceed.heard_of(&event_id(&case.name)).first(), &mut goldens);
        }
    }
    goldens.finish();
}

/// An Xceed that answers each case's event as the case says.
fn xceed(cases: &[Case]) -> Canned {
    let answers = cases.iter().filter_map(|case| Some((event_id(&case.name), case.answer.as_ref()?.bytes())));
    let answers: HashMap<_, _> = answers.collect();
    Canned::start(move |heard| {
        let known = answers.iter().find(|(id, _)| heard.body.contains(id.as_str()));
        vec![Do::Say(
            known.map_or_else(|| answer(404, "text/plain", b"no such case"), |(_, bytes)| bytes.clone()),
        )]
    })
}

/// An event's id as it stands in a payload that is escaped.
fn event_id(case: &str) -> String {
    format!("&lt;EventId&gt;{case}&lt;/EventId&gt;")
}

fn compare(case: &Case, response: &Response, heard: Option<&Heard>, goldens: &mut Goldens) {
    let file = |name: &str| case.folder.join(name);
    let envelope = heard.map(|heard| heard.body.as_str());
    let payload = envelope.and_then(read_xml).and_then(|node| node.text_of("payLoad").map(str::to_owned));
    goldens.compare(&file("2-payload.xml"), payload.as_deref());
    goldens.compare(&file("3-envelope.xml"), envelope);
    let text = laid_out(&without_volatile(&response.text(), &case.name, goldens));
    let (decision, problem) = if response.status == 200 { (Some(text), None) } else { (None, Some(text)) };
    goldens.compare(&file("5-decision.json"), decision.as_deref());
    goldens.compare(&file("5-problem.json"), problem.as_deref());
    if case.answer.is_some() != (response.status == 200) || case.answer.is_some() != heard.is_some() {
        goldens.differ(format!("{}: status {}, heard {}", case.name, response.status, heard.is_some()));
    }
    let content_type = response.header("content-type").unwrap_or_default();
    let expected = if response.status == 200 { "application/json" } else { "application/problem+json" };
    if content_type != expected || (response.status != 200 && response.json()["status"] != response.status) {
        goldens.differ(format!("{}: {content_type}, status {}", case.name, response.status));
    }
}

/// When it was decided and how long that took is never the same: each is looked at, and replaced by a word.
fn without_volatile(body: &str, case: &str, goldens: &mut Goldens) -> String {
    type IsSound = fn(&str) -> bool;
    let is_time: IsSound =
        |value| value.ends_with("Z\"") && value.trim_matches('"').parse::<jiff::Timestamp>().is_ok();
    let is_millis: IsSound =
        |value| value.parse::<f64>().is_ok_and(|millis| (0.0..60_000.0).contains(&millis));
    let mut text = body.to_owned();
    for (member, is_sound, word) in
        [("\"decidedAt\":", is_time, "\"<when>\""), ("\"latencyMs\":", is_millis, "\"<how long>\"")]
    {
        let Some(start) = text.find(member).map(|at| at + member.len()) else { continue };
        let end = text[start..].find([',', '}']).map_or(text.len(), |length| start + length);
        if !is_sound(&text[start..end]) {
            goldens.differ(format!("{case}: {member} is {}", &text[start..end]));
        }
        text.replace_range(start..end, word);
    }
    text
}
