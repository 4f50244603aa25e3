//! Bodies: what is no plain SOAP 1.1 in UTF-8, what costs too much, and what only looks different.

use super::Scene;
use crate::harness::{Callback, callback_request, forged};

#[test]
fn what_is_no_plain_soap_is_refused_like_the_rest() {
    Scene::start().refuses(forged::no_plain_soap());
}

#[test]
fn what_costs_too_much_is_refused_before_it_does() {
    Scene::start().refuses(forged::costly());
}

#[test]
fn only_text_xml_in_utf_8_is_read() {
    Scene::start().refuses(forged::foreign_types());
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
