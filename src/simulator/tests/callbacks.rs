//! What is called back, over real sockets: a listener stands for the gateway.

use super::http::call;
use super::{SECRET, draft, event, settings};
use crate::simulator::{Settings, start};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const ACK: &str = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>\
    <eventResultResponse xmlns=\"urn:xceed:api:1.0\"><ack>OK</ack></eventResultResponse></e:Body></e:Envelope>";

/// Takes callbacks, and answers the first ones with 500.
async fn listener(refused: usize) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        for n in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            while !heard.ends_with("Envelope>") {
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).await.unwrap();
                assert!(read > 0, "a whole callback");
                heard.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
            }
            let status = if n < refused { "500 -" } else { "200 -" };
            let head =
                format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", ACK.len());
            stream.write_all((head + ACK).as_bytes()).await.unwrap();
            sender.send(heard).unwrap();
        }
    });
    (address, receiver)
}

fn request(customer: &str) -> String {
    let mut draft = draft(&[event("e-1", customer)]);
    draft.operation = "addAsyncEvent";
    draft.envelope()
}

fn hash(said: &str) -> String {
    hex::encode(Sha1::digest(format!("3210021Wire{SECRET}e-1{said}cb-7")))
}

/// What the simulator lists once it has called back so often.
async fn listed(address: SocketAddr, count: usize) -> Vec<Value> {
    loop {
        let listing = call(address, "GET", "/_sim/callbacks", "").await.json();
        let calls = listing.as_array().unwrap();
        if calls.len() >= count {
            return calls.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_score_is_called_back_signed_until_it_is_acknowledged() {
    let (gateway, mut heard) = listener(1).await;
    let callbacks = vec![("cb-7".to_owned(), format!("http://{gateway}/here"))];
    let simulator = start(Settings { callbacks, callback_base: None, ..settings() }).await.unwrap();
    let address = simulator.address();
    assert!(call(address, "POST", "/xceed", &request("C-1")).await.text().contains(">SUCCESS<"));
    let (first, second) = (heard.recv().await.unwrap(), heard.recv().await.unwrap());
    assert_eq!(first, second);
    assert!(first.starts_with("POST /here HTTP/1.1\r\n"), "{first}");
    let envelope = &first[first.find("<soap:Envelope").unwrap()..];
    let hash = hash("SUCCESS10.0Allow");
    let expected = "<x:callbackId>cb-7</x:callbackId><x:eventId>e-1</x:eventId><x:Results>\
         <x:returnCode>SUCCESS</x:returnCode><x:eventId>e-1</x:eventId><x:riskScore>10.0</x:riskScore>\
         <x:riskAction>Allow</x:riskAction>";
    assert!(envelope.contains(expected), "{envelope}");
    assert!(envelope.contains(&format!("<x:hashKey>{hash}</x:hashKey></x:eventResult>")), "{envelope}");
    let mut calls = listed(address, 2).await;
    assert!(calls[1]["at"].take().as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "seq": 2, "eventId": "e-1", "callbackId": "cb-7", "returnCode": "SUCCESS", "riskScore": "10.0",
        "riskAction": "Allow", "hashKey": hash, "status": 200, "acknowledged": true, "at": null,
    });
    assert_eq!((&calls[0]["status"], &calls[0]["acknowledged"]), (&json!(500), &json!(false)));
    assert_eq!(calls[1], expected);
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_called_back_is_as_it_is_told() {
    let (gateway, _heard) = listener(0).await;
    let base = Some(format!("http://{gateway}/xceed/callback/"));
    let simulator = start(Settings { callback_base: base, ..settings() }).await.unwrap();
    let address = simulator.address();
    let cases = [
        ("SIM-CALLBACK-TWICE", vec![("SUCCESS10.0Allow", true), ("SUCCESS10.0Allow", true)]),
        ("SIM-CALLBACK-CONFLICT", vec![("SUCCESS10.0Allow", true), ("SUCCESS99.0Deny", true)]),
        ("SIM-ACTION-Deny-CALLBACK-CONFLICT", vec![("SUCCESSDeny", true), ("SUCCESS1.0Allow", true)]),
        ("SIM-CALLBACK-FORGED", vec![("SUCCESS10.0Allow", false), ("SUCCESS10.0Allow", true)]),
        ("SIM-CALLBACK-CODE-MSG_OOO", vec![("MSG_OOO", true)]),
        ("SIM-MAINTENANCE-CALLBACK-AFTER-1", vec![("SUCCESS10.0Allow", true)]),
        ("SIM-XSD_VERSION-SCORE-73", vec![("XSD_VERSION73", true)]),
    ];
    for (customer, expected) in cases {
        call(address, "DELETE", "/_sim/callbacks", "").await;
        call(address, "POST", "/xceed", &request(customer)).await;
        for (called, (said, signed)) in listed(address, expected.len()).await.iter().zip(expected) {
            let text = |member: &str| called[member].as_str().unwrap_or_default().to_owned();
            assert_eq!(
                [text("returnCode"), text("riskScore"), text("riskAction")].concat(),
                said,
                "{customer}"
            );
            assert_eq!(text("hashKey") == hash(said), signed, "{customer}");
        }
    }
    call(address, "DELETE", "/_sim/callbacks", "").await;
    call(address, "POST", "/xceed", &request("SIM-CALLBACK-FIRST")).await;
    let calls = call(address, "GET", "/_sim/callbacks", "").await.json();
    assert_eq!(calls.as_array().unwrap().len(), 1, "called back before the answer");
    simulator.stop().await;
}

#[tokio::test]
async fn what_was_not_taken_in_is_not_called_back() {
    let simulator = start(Settings { callback_base: None, ..settings() }).await.unwrap();
    let address = simulator.address();
    let answer = call(address, "POST", "/xceed", &request("C-1")).await;
    assert!(answer.text().contains(">INVALID_CALLBACK<"), "{}", answer.text());
    simulator.stop().await;
    let (gateway, _heard) = listener(0).await;
    let base = Some(format!("http://{gateway}"));
    let simulator = start(Settings { callback_base: base, ..settings() }).await.unwrap();
    let address = simulator.address();
    for customer in ["SIM-CALLBACK-NEVER", "SIM-HASH_KEY_FAIL", "SIM-ERROR", "C-1"] {
        call(address, "POST", "/xceed", &request(customer)).await;
    }
    assert_eq!(listed(address, 1).await.len(), 1, "of the last one alone");
    simulator.stop().await;
}
