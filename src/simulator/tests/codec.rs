//! The simulator's codec against itself and against text that breaks codecs.
//!
//! Against the gateway's codec it is tested where the two meet, not here.

use crate::simulator::messages::{
    AddAsyncEvent, AddEvent, AddMEvents, AnswerEnvelope, RequestBody, RequestEnvelope, Results,
    ValidationError, ValidationErrors,
};
use crate::simulator::outline::{self, Operation};
use crate::simulator::soap::{Request, answer, fault, read};
use yaserde::YaDeserialize;

const HOSTILE: [&str; 9] = [
    "<Events/>",
    "a ]]> b ]]]]> c",
    "Zoë &amp; €5 &lt;😀&gt; \u{10ffff}",
    "ends with a line end\n",
    " \t begins and ends with white space \n ",
    "   ",
    "",
    "\u{85}\u{2028}\u{a0}\u{7f}",
    "<![CDATA[ inner ]]>&#13;&unknown;<!-- - --><?pi?>",
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A request as another SOAP stack would write it: other prefixes, white space, a header.
fn foreign(payload: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<!-- c --><S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\">\n\
         <S:Header><h xmlns=\"urn:other\"><i/></h></S:Header>\n<S:Body>\n\
         <addEvent xmlns=\"urn:xceed:api:1.0\">\n<platformId>3</platformId>\
         <serviceId>210021</serviceId><channel>Wire</channel>\
         <responseRequired>true</responseRequired><payLoad>{payload}</payLoad>\
         <hashKey>h</hashKey></addEvent>\n</S:Body></S:Envelope>\n"
    )
}

/// What the simulator understands of a request that yaserde wrote.
fn round_trip(body: RequestBody) -> Request {
    let text = yaserde::ser::to_string(&RequestEnvelope { body }).unwrap();
    read(text.as_bytes()).unwrap()
}

#[test]
fn many_events_are_read_back_as_they_were_written() {
    for payload in HOSTILE {
        let many = AddMEvents {
            platform_id: "3".to_owned(),
            service_id: "210021".to_owned(),
            channel: "Wire".to_owned(),
            num_events: 7,
            payload: payload.to_owned(),
            hash_key: "h".to_owned(),
        };
        let (events, body) = (Some(many), RequestBody::default());
        let request = round_trip(RequestBody { events, ..body });
        assert_eq!(request.operation, Operation::Events);
        assert_eq!(request.num_events, Some(7));
        assert_eq!(request.payload, payload);
    }
}

#[test]
fn an_async_event_is_read_back_as_it_was_written() {
    for payload in HOSTILE {
        let one = AddAsyncEvent {
            platform_id: "3".to_owned(),
            service_id: "210021".to_owned(),
            channel: "Wire".to_owned(),
            payload: payload.to_owned(),
            callback_id: "cb-7".to_owned(),
            hash_key: "h".to_owned(),
        };
        let (async_event, body) = (Some(one), RequestBody::default());
        let request = round_trip(RequestBody { async_event, ..body });
        assert_eq!(request.operation, Operation::AsyncEvent);
        assert_eq!(request.callback_id.as_deref(), Some("cb-7"));
        assert_eq!(request.payload, payload);
    }
}

#[test]
fn one_event_is_read_back_as_it_was_written() {
    for payload in HOSTILE {
        let one = AddEvent {
            platform_id: "3".to_owned(),
            service_id: "210021".to_owned(),
            channel: "Wire".to_owned(),
            response_required: false,
            payload: payload.to_owned(),
            hash_key: "h".to_owned(),
        };
        let (event, body) = (Some(one), RequestBody::default());
        let request = round_trip(RequestBody { event, ..body });
        assert_eq!(request.operation, Operation::Event);
        assert_eq!(request.response_required, Some(false));
        assert_eq!(request.payload, payload);
    }
}

#[test]
fn a_payload_means_the_same_escaped_and_as_cdata() {
    for payload in HOSTILE {
        let cdata = payload.replace("]]>", "]]]]><![CDATA[>");
        let forms =
            [escaped(payload), format!("<![CDATA[{cdata}]]>"), format!("<![CDATA[{cdata}]]><!-- c -->")];
        for form in forms {
            let request = read(foreign(&form).as_bytes()).unwrap();
            assert_eq!(request.payload, payload, "{form}");
            assert_eq!((request.platform_id.as_str(), request.channel.as_str()), ("3", "Wire"));
        }
    }
}

#[test]
fn line_ends_are_read_as_xml_has_them() {
    let request = read(foreign("a\r\nb\rc&#13;&#10;<![CDATA[\r\n]]>").as_bytes()).unwrap();
    assert_eq!(request.payload, "a\nb\nc\r\n\n");
}

#[test]
fn what_is_no_request_is_refused_without_a_word_of_it() {
    let good = foreign("private");
    read(good.as_bytes()).unwrap();
    let bad = [
        "private".to_owned(),
        good.replace("<?xml version='1.0'?>", "<!DOCTYPE private>"),
        good.replace("<?xml version='1.0'?>", "<!DOCTYPE private [<!ENTITY e \"private\">]>"),
        good.replace("S:Envelope", "S:Private"),
        good.replace("soap/envelope/", "soap/private/"),
        good.replace("urn:xceed:api:1.0", "urn:private"),
        good.replace("addEvent", "addPrivate"),
        good.replace("S:Body", "S:Private"),
        good.replace("<channel>Wire</channel>", ""),
        good.replace("<channel>Wire</channel>", "<channel>private</channel><channel>Wire</channel>"),
        good.replace("<channel>Wire</channel>", "<channel xmlns=\"\">private</channel>"),
        good.replace("<platformId>3</platformId>", "<hashKey>private</hashKey><platformId>3</platformId>"),
        good.replace("<responseRequired>true", "<responseRequired>private"),
        good.replace("<payLoad>private", "<payLoad><private/>"),
        good.replace("<payLoad>private", "<payLoad>private<?private?>"),
        good.replace("<payLoad>private", "<payLoad>&private;"),
        good.replace("<payLoad>private", "<payLoad>private]]>"),
        good.replace("<payLoad>private", "<payLoad>private&#1;"),
        good.replace("</addEvent>", "</addEvent>private"),
        good.replace("</addEvent>", "</addEvent><private/>"),
        good.replace("</S:Body>", "</S:Body><private/>"),
        good.replace("</S:Envelope>", "</S:Envelope><private/>"),
        good.replace("</S:Envelope>", "</S:Envelope>private"),
        good.replace("</S:Envelope>", ""),
    ];
    for request in bad {
        let refused = read(request.as_bytes()).expect_err(&request);
        assert!(!refused.contains("rivate"), "{refused}");
    }
    assert!(read(b"<a>\xff</a>").is_err());
}

#[test]
fn an_answer_is_read_back_as_it_was_written() {
    // yaserde finds no text in an element without any, and calls it missing.
    let texts = HOSTILE.into_iter().filter(|text| !text.is_empty());
    let error =
        |text: &str| ValidationError { event_id: Some("e\"<'>&\n1".to_owned()), text: text.to_owned() };
    let results = Results {
        return_code: "XML_VALIDATION_FAIL".to_owned(),
        return_message: Some(" & <message> ".to_owned()),
        event_id: Some("e-1".to_owned()),
        risk_score: Some("73.5".to_owned()),
        risk_action: Some("Hold".to_owned()),
        reasons: vec!["one ]]>".to_owned(), "two".to_owned()],
        validation_errors: Some(ValidationErrors { errors: texts.map(error).collect() }),
    };
    let text = answer(Operation::AsyncEvent, results.clone());
    let mut deserializer = yaserde::de::Deserializer::new(outline::reader(&text));
    let read = AnswerEnvelope::deserialize(&mut deserializer).unwrap();
    assert_eq!(read.body.async_event.unwrap().results, results);
}

#[test]
fn an_answer_has_the_names_and_the_order_of_the_reference_model() {
    let results = Results {
        return_code: "SUCCESS".to_owned(),
        event_id: Some("e-1".to_owned()),
        risk_score: Some("73.5".to_owned()),
        risk_action: Some("Hold".to_owned()),
        reasons: vec!["r".to_owned()],
        ..Results::default()
    };
    assert_eq!(
        answer(Operation::Event, results),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <soap:Body xmlns:x=\"urn:xceed:api:1.0\"><x:addEventResponse><x:Results>\
         <x:returnCode>SUCCESS</x:returnCode><x:eventId>e-1</x:eventId>\
         <x:riskScore>73.5</x:riskScore><x:riskAction>Hold</x:riskAction>\
         <x:reason>r</x:reason></x:Results></x:addEventResponse></soap:Body></soap:Envelope>"
    );
    assert!(
        fault("Client", "t").contains(
            "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>t</faultstring></soap:Fault>"
        )
    );
}

#[test]
fn what_xml_forbids_never_gets_into_an_answer() {
    let return_code = "a\u{1}b\rc\u{fffe}d\te\n".to_owned();
    let text = answer(Operation::Event, Results { return_code, ..Results::default() });
    assert!(text.contains(">a\u{fffd}b\u{fffd}c\u{fffd}d\te\n<"), "{text}");
}
