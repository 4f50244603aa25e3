//! Nothing of a person and no secret is ever logged, at whatever level, whatever goes wrong. Ids of events, codes and
//! durations are.

use crate::harness::{Config, Folder, Gateway, Simulator, Tenant, wire};
use serde_json::json;

/// Each stands in one place, so that a log that holds it tells where it leaks.
const SECRET: &str = "5ec2e75ec2e75ec2e7";
const NEXT_SECRET: &str = "5ec2e75ec2e75ec2e8";

#[test]
fn the_finest_log_holds_no_person_and_no_secret() {
    let tenant = || Tenant::first_bank().with("xceed.attempt_timeout = \"400ms\"");
    let xceed = Simulator::start(&[tenant().secret(NEXT_SECRET)]);
    let keys = tenant().secret(SECRET).next_secret(NEXT_SECRET);
    let mut gateway = Gateway::start(Config::new([keys], &xceed.url()).log_level("trace"));
    let submit = |id: &str, customer: &str| {
        let mut event = wire(id, &format!("{customer}~CANARY-CUSTOMER"), 987_654_321);
        event["customer"]["accountId"] = json!("CANARY-ACCOUNT");
        event["customer"]["accountType"] = json!("CANARY-WORD");
        event["session"] =
            json!({ "id": "CANARY-SESSION", "ipAddress": "CANARY-ADDRESS", "deviceId": "CANARY-DEVICE" });
        event["interaction"] =
            json!({ "id": "CANARY-CALL", "agentId": "CANARY-AGENT", "ani": "CANARY-PHONE" });
        event["transaction"]["id"] = json!("CANARY-TRANSACTION");
        event["transaction"]["payee"] = json!("CANARY-PAYEE");
        event["attributes"] = json!({ "CANARY-NAME": "CANARY-VALUE", "card": "4111111111111111" });
        event
    };
    for customer in
        ["C-1", "SIM-XML_VALIDATION_FAIL", "SIM-RESET", "SIM-DROP", "SIM-GARBAGE", "SIM-FAULT", "SIM-odd"]
    {
        let event = submit(&format!("e-{customer}"), customer);
        assert_eq!(gateway.submit(&event).status, 200);
        assert_eq!(gateway.submit(&event).status, 200);
        assert_eq!(gateway.look_up(&format!("e-{customer}")).status, 200);
    }
    for (path, value) in [("eventId", "CANARY ID"), ("occurredAt", "CANARY-TIME"), ("other", "CANARY-OTHER")]
    {
        let mut event = submit("e-bad", "C-1");
        event[path] = json!(value);
        assert_eq!(gateway.submit(&event).status, 422);
    }
    assert_eq!(gateway.submit_with("?mode=CANARY-QUERY", &[("X-Name", "CANARY-HEADER")], "{}").status, 400);
    assert_eq!(gateway.submit_with("", &[("Idempotency-Key", "CANARY-KEY")], "CANARY-BODY").status, 400);
    gateway.terminate();
    let log = gateway.log();
    assert!(log.contains("TRACE") && log.contains("e-C-1"), "it logs finely, and names events");
    for private in ["CANARY", "4111111111111111", "987654321", "caller-of-first-bank", SECRET, NEXT_SECRET] {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} is logged");
    }
}

#[test]
fn a_secret_that_is_refused_is_not_shown() {
    let tenant = Tenant::first_bank().secret("CANARY-SECRET").next_secret("311A5439C8BDA8EF");
    let config = Config::new([tenant], "http://127.0.0.1:9/nobody");
    let refused = Gateway::try_start(config, Folder::new()).expect_err("no secret has that form");
    assert!(refused.contains("tenants.first-bank.xceed.secret_key:"), "{refused}");
    assert!(refused.contains("tenants.first-bank.xceed.secret_key_next:"), "{refused}");
    assert!(!refused.contains("CANARY") && !refused.contains("311A5439"), "{refused}");
}
