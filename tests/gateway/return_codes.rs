//! What each return code does, and each way to get none: to the caller, and to the delivery. The tables here are the
//! published ones, written a second time; the simulator says the codes.

use crate::harness::{Config, Gateway, Simulator, Tenant, customer_event};
use serde_json::{Value, json};

/// The published table: code, scope, disposition, basis, next, alert.
const TABLE: [[&str; 6]; 27] = [
    ["SUCCESS", "all", "PROCESSED", "score", "none", ""],
    ["NOT_SUPPORTED", "all", "NOT_PROCESSED", "fallback", "park/hold", "critical: licence"],
    ["BAD_SERVICE_ID", "all", "NOT_PROCESSED", "fallback", "park/hold", "critical: configuration"],
    ["HASH_KEY_FAIL", "all", "NOT_PROCESSED", "fallback", "park/hold", "critical: key or tampering"],
    ["XML_VALIDATION_FAIL", "all", "NOT_PROCESSED", "fallback", "park", "error: schemas drifted"],
    ["MISSING_XML_VERSION", "all", "NOT_PROCESSED", "fallback", "park/hold", "error: schema set"],
    ["XSD_VERSION", "all", "PROCESSED_WITH_WARNING", "score", "none", "warn: schema set ageing"],
    ["UNSUPPORTED_XML_VERSION", "all", "NOT_PROCESSED", "fallback", "park/hold", "error: schema set"],
    ["ERROR", "all", "NOT_PROCESSED", "fallback", "backoff", "warn"],
    ["REQUEST_ERROR", "sync", "NOT_PROCESSED", "fallback", "park", "error"],
    ["TIMEOUT", "sync, response required", "PROCESSED_LATER", "fallback", "none", "warn"],
    ["INVALID_MSG", "sync, response required", "SKIPPED", "fallback", "park", "error"],
    [
        "MSG_SKIPPED",
        "sync, response required",
        "SKIPPED",
        "fallback",
        "park, replay only if forced",
        "error: support",
    ],
    [
        "MSG_OOO",
        "sync, response required",
        "SKIPPED",
        "fallback",
        "park, replay only if forced",
        "error: support",
    ],
    ["WRONG_NUM_EVENTS", "batch", "PROCESSED_WITH_WARNING", "–", "park, replay only if forced", "error"],
    ["MAINTENANCE", "response required", "PROCESSED_LATER", "fallback, basis maintenance", "none", "info"],
    ["DATA_COLLECTION", "response required", "PROCESSED", "ALLOW under every policy", "none", "info"],
    [
        "NO_RISKACTION_CONFIGURED",
        "response required",
        "PROCESSED",
        "score, by thresholds alone",
        "none",
        "warn: policy",
    ],
    ["INVALID_CALLBACK", "response required", "SKIPPED", "fallback", "park/hold", "critical: configuration"],
    ["INVALID_CHANNEL", "all", "SKIPPED", "fallback", "park/hold", "critical: configuration"],
    ["ACCESS_TOKEN_EXPIRED", "REST", "NOT_PROCESSED", "after refresh", "refresh", ""],
    ["TOKEN_SIGNATURE_VERIFICATION_FAIL", "REST", "NOT_PROCESSED", "after refresh", "refresh", "critical"],
    [
        "AUDIENCE_VERIFICATION_FAIL",
        "REST",
        "NOT_PROCESSED",
        "fallback",
        "park/hold",
        "critical: configuration",
    ],
    ["TENANT_UNAVAILABLE", "REST", "NOT_PROCESSED", "fallback", "park/hold", "critical: configuration"],
    ["PUBLICKEYS_UNAVAILABLE", "REST", "NOT_PROCESSED", "fallback", "backoff", "warn"],
    ["any other word", "", "UNKNOWN", "fallback", "park", "error"],
    ["transport failure", "", "UNKNOWN", "fallback, basis transport", "backoff, same eventId", "warn"],
];

/// A tenant for each case, so that no case is judged by what another one did.
fn tenants(names: &[&str]) -> Vec<Tenant> {
    let tenant = |(n, name): (u32, &&str)| Tenant::new(&tenant_of(name), 210_100 + n);
    (0..).zip(names).map(tenant).collect()
}

fn tenant_of(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Submits an event of the customer `SIM-…`; returns what its caller was told.
fn told(gateway: &Gateway, name: &str) -> Value {
    let event = customer_event(name, &format!("SIM-{name}"));
    let response = gateway.caller_of(&tenant_of(name)).submit(&event);
    assert_eq!(response.status, 200, "{name}: {}", response.text());
    response.json()
}

#[test]
fn the_table_is_published_as_it_is_written() {
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody"));
    let caller = gateway.caller();
    let table = caller.call(&caller.request("GET", "/v1/return-codes"));
    assert_eq!((table.status, table.header("content-type")), (200, Some("application/json")));
    let table = table.json();
    let rows = table.as_array().expect("an array");
    let members = ["code", "scope", "disposition", "basis", "next", "alert"];
    for (row, expected) in rows.iter().zip(TABLE) {
        let shown = members.map(|member| row[member].as_str().unwrap_or("no text"));
        assert_eq!(shown, expected);
        assert!(row["meaning"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
        assert!(row["action"].as_str().is_some_and(|text| !text.is_empty()), "{row}");
    }
    assert_eq!(rows.len(), TABLE.len());
}

/// The decision on a code, with what the simulator sends beside it: for a login, score 10.0 and action `Allow`, where
/// the code comes with a score at all.
fn expected(code: &str, basis: &str, disposition: &str) -> Value {
    let decided = |outcome: &str, basis: &str, score: f64, reliable: bool| {
        json!({
            "eventId": code, "decision": "ALLOW", "outcome": outcome, "basis": basis, "riskScore": score,
            "riskAction": null, "reliable": reliable, "returnCode": code, "disposition": disposition,
            "category": "standard", "threshold": 65.0, "defaulted": ["InteractionId", "AgentId"],
        })
    };
    let mut decision = match basis {
        "score" => decided("SCORED", "action", 10.0, true),
        "score, by thresholds alone" => decided("SCORED", "threshold", 10.0, true),
        "fallback, basis maintenance" => decided("FALLBACK", "maintenance", 50.0, false),
        "ALLOW under every policy" => decided("FALLBACK", "data_collection", 10.0, false),
        _ => decided("FALLBACK", "return_code", 50.0, false),
    };
    if basis == "score" || basis == "ALLOW under every policy" {
        decision["riskAction"] = json!("Allow");
    }
    decision
}

/// The decision without what is never the same, or told in words.
fn without_words(mut told: Value) -> Value {
    let members = told.as_object_mut().expect("an object");
    for member in ["decidedAt", "latencyMs", "reasons"] {
        assert!(members.remove(member).is_some_and(|value| !value.is_null()), "{member} is missing");
    }
    told
}

#[test]
fn every_code_that_soap_can_bring_decides_and_ends_as_its_row_says() {
    let rows: Vec<_> = TABLE.iter().filter(|row| row[1] != "REST" && !row[1].is_empty()).collect();
    let unknown = ["BRAND_NEW", "", "UNKNOWN", "fallback", "park", "error"];
    let rows: Vec<_> = rows.into_iter().chain([&unknown]).collect();
    let tenants = tenants(&rows.iter().map(|row| row[0]).collect::<Vec<_>>());
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    for [code, _, disposition, basis, next, _] in rows {
        let told = told(&gateway, code);
        assert_eq!(without_words(told.clone()), expected(code, basis, disposition), "{code}");
        let states: &[&str] = match *next {
            "none" => &["SETTLED"],
            "backoff" => &["QUEUED", "SENDING"],
            _ => &["PARKED"],
        };
        let seen = gateway.caller_of(&tenant_of(code)).look_up(code).json();
        assert!(states.contains(&seen["state"].as_str().unwrap_or_default()), "{code}: {seen}");
        assert!(seen["attempts"].as_u64() >= Some(1) && seen["late"].is_null(), "{code}: {seen}");
        for (member, value) in told.as_object().expect("an object") {
            assert_eq!(&seen[member], value, "{code}: {member} is as it was told");
        }
        if *next != "backoff" {
            assert_eq!(xceed.received_of(code).len(), 1, "{code}: nothing that ended is sent again");
        }
    }
}

#[test]
fn every_way_to_get_no_results_is_a_transport_failure_and_is_sent_again() {
    let faults = [
        "RESET",
        "RESET-MIDWAY",
        "DROP",
        "GARBAGE",
        "HTML",
        "EMPTY",
        "FAULT",
        "FAULT-200",
        "HUGE",
        "WRONG-ID",
        "TRUNCATED",
        "DOCTYPE",
    ];
    let tenants = tenants(&faults);
    let silent = tenants.iter().position(|tenant| tenant.name == "drop").expect("it is there");
    let mut patient = tenants.clone();
    patient[silent] = tenants[silent].clone().with("xceed.attempt_timeout = \"400ms\"");
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(patient, &xceed.url()));
    for fault in faults {
        let told = without_words(told(&gateway, fault));
        let mut expected = expected(fault, "fallback", "UNKNOWN");
        expected["basis"] = json!("transport");
        expected["returnCode"] = Value::Null;
        assert_eq!(told, expected, "{fault}");
        let seen = gateway.caller_of(&tenant_of(fault)).look_up(fault).json();
        assert!(
            ["QUEUED", "SENDING"].contains(&seen["state"].as_str().unwrap_or_default()),
            "{fault}: {seen}"
        );
    }
    // Once Xceed is well, each gets there under its own name, and what its caller was told stays.
    xceed.behave(&json!({ "code": "SUCCESS" }));
    for fault in faults {
        let seen = gateway.caller_of(&tenant_of(fault)).until_state(fault, "SETTLED");
        assert_eq!((&seen["basis"], &seen["returnCode"]), (&json!("transport"), &Value::Null), "{fault}");
        assert_eq!(
            (&seen["late"]["returnCode"], &seen["late"]["decision"]),
            (&json!("SUCCESS"), &json!("ALLOW"))
        );
        assert!(xceed.received_of(fault).len() >= 2, "{fault}: it came again");
    }
}

#[test]
fn an_error_is_sent_again_until_it_is_none() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let told = gateway.submit(&customer_event("e-1", "SIM-ERROR"));
    assert_eq!(told.json()["returnCode"], "ERROR");
    xceed.behave(&json!({ "score": 95 }));
    let seen = gateway.caller().until_state("e-1", "SETTLED");
    assert_eq!(seen["returnCode"], "ERROR", "what was told stays");
    assert_eq!(
        (&seen["late"]["returnCode"], &seen["late"]["decision"]),
        (&json!("SUCCESS"), &json!("BLOCK"))
    );
    assert_eq!(gateway.submit(&customer_event("e-1", "SIM-ERROR")).body, told.body);
}
