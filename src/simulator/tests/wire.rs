//! The simulator over a real socket: what a client sees of every trigger.

use super::http::{call, exchange, send};
use super::{login, post, settings, simulator};
use crate::simulator::start;
use serde_json::json;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

#[tokio::test]
async fn an_ordinary_event_is_scored() {
    let simulator = simulator().await;
    let response = post(simulator.address(), "C-1").await;
    assert_eq!(response.status, 200);
    assert!(response.head.contains("content-type: text/xml; charset=utf-8"));
    assert!(response.text().contains("<x:returnCode>SUCCESS</x:returnCode>"));
    assert!(response.text().contains("<x:riskScore>10.0</x:riskScore>"));
    simulator.stop().await;
}

#[tokio::test]
async fn triggers_that_change_the_results() {
    let simulator = simulator().await;
    let cases = [
        ("SIM-HASH_KEY_FAIL", "<x:returnCode>HASH_KEY_FAIL<"),
        ("SIM-NEVER_HEARD_OF", "<x:returnCode>NEVER_HEARD_OF<"),
        ("SIM-SLOW-20-SCORE-80", "<x:riskScore>80<"),
        ("SIM-SCORE-73.5-ACTION-Hold", "<x:riskScore>73.5</x:riskScore><x:riskAction>Hold<"),
        ("SIM-WRONG-ID", "<x:eventId>SIM-ANOTHER-EVENT<"),
    ];
    for (customer, expected) in cases {
        let response = post(simulator.address(), customer).await;
        assert_eq!(response.status, 200, "{customer}");
        assert!(response.text().contains(expected), "{customer}: {}", response.text());
    }
    simulator.stop().await;
}

#[tokio::test]
async fn triggers_that_break_the_message() {
    let simulator = simulator().await;
    let address = simulator.address();
    let answer = async |customer: &str| post(address, customer).await;

    let garbage = answer("SIM-GARBAGE").await;
    assert_eq!(garbage.status, 200);
    assert!(String::from_utf8(garbage.body).is_err());

    let html = answer("SIM-HTML").await;
    assert_eq!(html.status, 200);
    assert!(html.head.contains("text/html"));

    let empty = answer("SIM-EMPTY").await;
    assert_eq!((empty.status, empty.body.len()), (500, 0));

    for (customer, status) in [("SIM-FAULT", 500), ("SIM-FAULT-200", 200)] {
        let fault = answer(customer).await;
        assert_eq!(fault.status, status);
        assert!(fault.text().contains("<faultcode>soap:Server</faultcode>"));
    }

    let huge = answer("SIM-HUGE").await;
    assert!(huge.body.len() > 256 * 1024);
    assert!(huge.text().ends_with("</soap:Envelope>"));

    let truncated = answer("SIM-TRUNCATED").await;
    assert!(truncated.text().contains("<x:Results>"));
    assert!(!truncated.text().contains("</soap:Envelope>"));

    let doctype = answer("SIM-DOCTYPE").await;
    assert!(doctype.text().contains("?><!DOCTYPE Envelope [") && doctype.text().contains("SUCCESS"));
    simulator.stop().await;
}

#[tokio::test]
async fn a_reset_leaves_nothing_of_an_answer() {
    let simulator = simulator().await;
    for customer in ["SIM-RESET", "SIM-SLOW-20-RESET"] {
        let seen = exchange(simulator.address(), "POST", "/", &login(customer)).await;
        assert!(seen.bytes.is_empty());
        assert_eq!(seen.end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_reset_midway_leaves_half_of_an_answer() {
    let simulator = simulator().await;
    let seen = exchange(simulator.address(), "POST", "/", &login("SIM-RESET-MIDWAY")).await;
    let text = String::from_utf8(seen.bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("<soap:Body") && !text.contains("</soap:Body>"), "{text}");
    assert_eq!(seen.end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    simulator.stop().await;
}

#[tokio::test]
async fn a_dropped_request_hears_nothing_while_others_are_answered() {
    let simulator = simulator().await;
    let mut mute = send(simulator.address(), "POST", "/", &login("SIM-DROP")).await;
    assert_eq!(post(simulator.address(), "C-1").await.status, 200);
    let heard = timeout(Duration::from_millis(100), mute.read_u8()).await;
    assert!(heard.is_err(), "neither a byte nor an end came");
    simulator.stop().await;
}

#[tokio::test]
async fn many_slow_answers_wait_side_by_side() {
    let simulator = simulator().await;
    let address = simulator.address();
    let calls: Vec<_> = (0..200)
        .map(|n| tokio::spawn(async move { post(address, &format!("SIM-SLOW-200~{n}")).await.status }))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let count = call(address, "GET", "/_sim/received/count", "").await;
    assert_eq!(count.json(), json!({"received": 200, "events": 1}));
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_no_request_gets_a_soap_fault_and_is_recorded() {
    let simulator = simulator().await;
    let good = login("C-1");
    let bad = [
        good.replace("addEvent", "addNothing"),
        format!("<!DOCTYPE e:Envelope>{good}"),
        good.replace("urn:xceed:api:1.0", "urn:xceed:api:9.9"),
        good.replace("e:Envelope", "e:Letter"),
        "not XML".to_owned(),
    ];
    for request in &bad {
        let response = call(simulator.address(), "POST", "/xceed", request).await;
        assert_eq!(response.status, 500);
        assert!(response.text().contains("<faultcode>soap:Client</faultcode>"));
    }
    let received = call(simulator.address(), "GET", "/_sim/received", "").await.json();
    assert_eq!(received.as_array().unwrap().len(), bad.len());
    assert_eq!(received[0]["operation"], json!(null));
    assert_eq!(received[0]["returnCode"], json!(null));
    simulator.stop().await;
}

#[test]
fn it_also_runs_in_an_actix_system_on_a_thread_of_its_own() {
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let system = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let simulator = start(settings()).await.unwrap();
            tell.send(simulator.address()).unwrap();
            stopped.await.unwrap();
            simulator.stop().await;
        });
    });
    let address = told.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(post(address, "C-1")).status, 200);
    stop.send(()).unwrap();
    system.join().unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());
}
