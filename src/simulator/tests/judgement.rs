//! What becomes of a request, in which order, without a network.

use super::{Draft, NEXT_SECRET, draft, event, settings};
use crate::simulator::behaviour::Behaviour;
use crate::simulator::xceed::Xceed;
use actix_web::web::Bytes;

fn ask(xceed: &Xceed, draft: &Draft) -> String {
    xceed.receive((None, None), Bytes::from(draft.envelope())).envelope
}

fn text<'a>(envelope: &'a str, element: &str) -> Option<&'a str> {
    let (_, rest) = envelope.split_once(&format!("<x:{element}>"))?;
    Some(rest.split_once('<')?.0)
}

fn code(envelope: &str) -> &str {
    text(envelope, "returnCode").expect(envelope)
}

#[test]
fn a_request_is_refused_for_the_first_thing_that_is_wrong() {
    let xceed = Xceed::new(settings()).unwrap();
    // Everything is wrong with it, and is put right step by step.
    let mut request = draft(&[event("e-1", "SIM-TIMEOUT") + "<Bad/>"]);
    request.operation = "addMEvents";
    let valid = request.payload.replace("<Bad/>", "");
    let bad = request.payload.replace("</Event><Bad/>", "<Bad/></Event>");
    request.payload = bad.replace(" version=\"1.0\"", "");
    (request.platform_id, request.channel) = ("4", "Other");
    (request.secret, request.num_events) = ("00", 2);
    let step = |request: &Draft| code(&ask(&xceed, request)).to_owned();

    assert_eq!(step(&request), "BAD_SERVICE_ID");
    request.platform_id = "3";
    assert_eq!(step(&request), "INVALID_CHANNEL");
    request.channel = "ACH";
    assert_eq!(step(&request), "HASH_KEY_FAIL");
    request.secret = NEXT_SECRET;
    assert_eq!(step(&request), "MISSING_XML_VERSION");
    request.payload = bad.replace("1.0\">", "2.0\">");
    assert_eq!(step(&request), "UNSUPPORTED_XML_VERSION");
    request.payload = bad;
    assert_eq!(step(&request), "XML_VALIDATION_FAIL");
    request.payload = valid;
    assert_eq!(step(&request), "WRONG_NUM_EVENTS");
    request.num_events = 1;
    assert_eq!(step(&request), "TIMEOUT");
    request.payload = request.payload.replace("SIM-TIMEOUT", "C-1");
    assert_eq!(step(&request), "SUCCESS");

    let entries = xceed.ledger().after(0, 10);
    let hashes: Vec<_> = entries.iter().map(|entry| entry.hash_ok).take(4).collect();
    assert_eq!(hashes, [None, Some(false), Some(false), Some(true)]);
    assert!(entries.iter().all(|entry| entry.event_ids == ["e-1"]));
}

#[test]
fn an_upper_case_hash_is_wrong() {
    let xceed = Xceed::new(settings()).unwrap();
    let request = draft(&[event("e-1", "c")]);
    let shouted = request.envelope().replace(&request.hash_key(), &request.hash_key().to_uppercase());
    let answer = xceed.receive((None, None), Bytes::from(shouted)).envelope;
    assert_eq!(code(&answer), "HASH_KEY_FAIL");
}

#[test]
fn invalid_events_of_a_batch_are_named() {
    let xceed = Xceed::new(settings()).unwrap();
    let bad = |id: &str| event(id, "c").replace("</Event>", "<Bad/></Event>");
    let mut request = draft(&[event("e-1", "c"), bad("e-2"), bad("e-3")]);
    request.operation = "addMEvents";
    let answer = ask(&xceed, &request);
    assert_eq!(code(&answer), "XML_VALIDATION_FAIL");
    assert_eq!(answer.matches("<x:error ").count(), 2);
    assert!(answer.contains("<x:error eventId=\"e-3\">Bad is not expected</x:error>"));
    let entry = &xceed.ledger().after(0, 1)[0];
    assert_eq!(entry.validation_errors.len(), 2);
}

#[test]
fn a_payload_that_is_no_xml_is_invalid() {
    let xceed = Xceed::new(settings()).unwrap();
    let mut request = draft(&[]);
    request.payload = "no XML".to_owned();
    assert_eq!(code(&ask(&xceed, &request)), "XML_VALIDATION_FAIL");
}

#[test]
fn one_event_at_a_time_gets_its_score_if_it_asks_for_one() {
    let xceed = Xceed::new(settings()).unwrap();
    let mut request = draft(&[event("e-1", "c")]);
    let answer = ask(&xceed, &request);
    assert_eq!(answer, ask(&xceed, &request), "the same event gets the same score");
    assert_eq!(text(&answer, "riskScore"), Some("10.0"));
    assert_eq!(text(&answer, "riskAction"), Some("Allow"));
    assert_eq!(text(&answer, "eventId"), Some("e-1"));
    assert!(text(&answer, "reason").is_some());
    request.response_required = false;
    assert_eq!(text(&ask(&xceed, &request), "riskScore"), None);
    request = draft(&[event("e-1", "c"), event("e-2", "c")]);
    assert_eq!(code(&ask(&xceed, &request)), "REQUEST_ERROR");
}

#[test]
fn batches_and_async_events_are_acknowledged_without_a_score() {
    let xceed = Xceed::new(settings()).unwrap();
    for operation in ["addMEvents", "addAsyncEvent", "addMAsyncEvents"] {
        let request = Draft { operation, ..draft(&[event("e-1", "c")]) };
        let answer = ask(&xceed, &request);
        assert!(answer.contains(&format!("<x:{operation}Response>")), "{answer}");
        assert_eq!(code(&answer), "SUCCESS");
        assert_eq!(text(&answer, "riskScore"), None);
    }
}

#[test]
fn codes_that_come_with_a_score_come_with_it() {
    let xceed = Xceed::new(settings()).unwrap();
    let cases = [
        ("XSD_VERSION", true, true),
        ("DATA_COLLECTION", true, true),
        ("NO_RISKACTION_CONFIGURED", true, false),
        ("TIMEOUT", false, false),
        ("MAINTENANCE", false, false),
        ("SCORE-42", true, false),
        ("ACTION-Deny", false, true),
        ("SCORE-42-ACTION-Deny", true, true),
        ("ERROR-SCORE-42", true, false),
    ];
    for (trigger, score, action) in cases {
        let answer = ask(&xceed, &draft(&[event("e-1", &format!("SIM-{trigger}"))]));
        assert_eq!(text(&answer, "riskScore").is_some(), score, "{trigger}");
        assert_eq!(text(&answer, "riskAction").is_some(), action, "{trigger}");
    }
}

#[test]
fn a_code_in_a_batch_names_the_event_that_asked_for_it() {
    let xceed = Xceed::new(settings()).unwrap();
    let events = [event("e-1", "c"), event("e-2", "SIM-MSG_SKIPPED"), event("e-3", "c")];
    let request = Draft { operation: "addMEvents", ..draft(&events) };
    let answer = ask(&xceed, &request);
    assert_eq!((code(&answer), text(&answer, "eventId")), ("MSG_SKIPPED", Some("e-2")));

    let code_for_all = Some("ERROR".to_owned());
    xceed.director().tell(Behaviour { code: code_for_all, ..Behaviour::default() });
    let answer = ask(&xceed, &request);
    assert_eq!((code(&answer), text(&answer, "eventId")), ("ERROR", None));
}

#[test]
fn a_soap_action_must_name_the_operation_if_it_is_there() {
    let xceed = Xceed::new(settings()).unwrap();
    let request = Bytes::from(draft(&[event("e-1", "c")]).envelope());
    for good in ["", "\"urn:xceed:api:1.0#addEvent\"", "urn:xceed:api:1.0#addEvent"] {
        assert_eq!(xceed.receive((Some(good), None), request.clone()).status, 200, "{good}");
    }
    let reply = xceed.receive((Some("\"urn:xceed:api:1.0#addMEvents\""), None), request);
    assert_eq!(reply.status, 500);
    assert!(reply.envelope.contains("soap:Client"));
}
