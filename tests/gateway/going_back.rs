//! Decisions that go back: into the interaction that an event came from, and to whoever listens. What is brought, how it is
//! signed, and in which order.

use crate::harness::{
    Caller, Config, Folder, Gateway, HOOK_SECRET, OLD_HOOK_SECRET, Secrets, Simulator, Tenant,
    customer_event, with_cxone, with_genesys, with_webhook,
};
use serde_json::{Value, json};

/// A gateway whose decisions go back to the simulator.
pub(crate) struct Bank {
    pub(crate) gateway: Gateway,
    pub(crate) xceed: Simulator,
    _secrets: Secrets,
}

impl Bank {
    /// One tenant, made of the usual one by this.
    pub(crate) fn open(tenant: impl Fn(Tenant, &str, &Secrets) -> Tenant) -> Self {
        let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
        let tenant = tenant(Tenant::first_bank(), &xceed.platform(), &secrets);
        let gateway = Gateway::start(Config::new([tenant], &xceed.url()));
        Self { gateway, xceed, _secrets: secrets }
    }

    /// With CXone, and this laid over.
    pub(crate) fn with_cxone(over: &str) -> Self {
        Self::open(|tenant, platform, secrets| with_cxone(tenant, platform, secrets, over))
    }

    /// With a webhook, and this in its table.
    pub(crate) fn with_webhook(over: &str) -> Self {
        Self::open(|tenant, platform, secrets| {
            with_webhook(tenant, &format!("{platform}/webhook/crm"), secrets, over)
        })
    }

    pub(crate) fn operator(&self) -> Caller {
        Caller { key: "operator-of-first-bank".to_owned(), ..self.gateway.caller() }
    }

    /// What is kept for a person.
    pub(crate) fn parked(&self) -> Vec<Value> {
        let operator = self.operator();
        let page = operator.call(&operator.request("GET", "/v1/parked"));
        assert_eq!(page.status, 200, "{}", page.text());
        page.json()["parked"].as_array().expect("a list").clone()
    }

    /// A data action about this interaction; comes to its answer.
    pub(crate) fn act(&self, interaction: &str, customer: &str) -> Value {
        act(&self.gateway, interaction, customer)
    }

    /// The same, and the decision that falls behind it.
    fn decide(&self, interaction: &str, customer: &str) -> Value {
        let told = self.act(interaction, customer);
        let id = told["eventId"].as_str().expect("an id").to_owned();
        self.gateway.caller().look_up_until(&id, |seen| seen["outcome"] != "PENDING")
    }
}

/// A data action at this gateway.
pub(crate) fn act(gateway: &Gateway, interaction: &str, customer: &str) -> Value {
    let body = json!({ "eventType": "WireTransfer", "data": {
        "interactionId": interaction, "transactionId": format!("T-{interaction}"), "amount": 125,
        "customerId": customer, "attributes": {} } });
    let caller = gateway.caller();
    let request = caller.request("POST", "/v1/cxone/data-action").header("Content-Type", "application/json");
    let told = caller.call(&request.body(body.to_string()));
    assert_eq!(told.status, 200, "{}", told.text());
    told.json()
}

/// An event that says which interaction it is from.
fn from_interaction(id: &str, customer: &str, platform: &str) -> Value {
    let mut event = customer_event(id, customer);
    event["interaction"] = json!({ "id": format!("i-{id}"), "platform": platform });
    event
}

#[test]
fn a_data_action_hears_pending_and_its_decision_lands_in_the_interaction() {
    let bank = Bank::with_cxone("");
    let told = bank.act("i/1", "SIM-SCORE-73.5-ACTION-Hold");
    let seen = [&told["outcome"], &told["basis"], &told["decision"]];
    assert_eq!(seen, ["PENDING", "acknowledgement", "PENDING"], "{told}");
    let brought = bank.xceed.brought_times("i/1", 1);
    let id = told["eventId"].as_str().expect("an id");
    let decided = bank.gateway.look_up(id).json();
    let at = decided["decidedAt"].as_str().expect("a time");
    let body = format!(
        r#"{{"attributes":{{"fraud_risk_score":73.5,"fraud_flag":"HIGH","assessment_time":"{at}"}}}}"#
    );
    assert_eq!((&brought[0]["what"], &brought[0]["body"]), (&json!("cxone-patch"), &json!(body)));
    assert_eq!((&decided["decision"], &decided["outcome"]), (&json!("REVIEW"), &json!("SCORED")));
    let tokens = bank.xceed.tokens();
    assert_eq!(
        (&tokens["lastGrant"], &tokens["lastClient"]),
        (&json!("client_credentials"), &json!("gateway"))
    );
    assert_eq!(tokens["lastScope"], "interactions:read interactions:write");

    bank.decide("i-2", "SIM-SCORE-10-ACTION-Allow");
    let brought = bank.xceed.brought_times("i-2", 1);
    assert!(
        brought[0]["body"].as_str().is_some_and(|body| body.contains(r#""fraud_flag":"LOW""#)),
        "{brought:?}"
    );
    assert_eq!(bank.xceed.tokens()["requests"], 1, "a token is kept");
    assert_eq!(bank.act("i/1", "SIM-SCORE-73.5-ACTION-Hold")["eventId"], id, "the same event");
    bank.decide("i-3", "C-1");
    bank.xceed.brought_times("i-3", 1);
    assert_eq!(bank.xceed.brought_to("i/1").len(), 1, "a repeated call brings nothing twice");
}

#[test]
fn a_late_score_follows_the_decision_into_the_interaction_and_is_marked() {
    let bank = Bank::with_cxone("xceed.attempt_timeout = \"20s\"");
    let decided = bank.decide("i-1", "SIM-SLOW-7500-SCORE-95");
    assert_eq!((&decided["outcome"], &decided["basis"]), (&json!("FALLBACK"), &json!("deadline")));
    let brought = bank.xceed.brought_times("i-1", 2);
    let attributes = |n: usize| {
        let body: Value = serde_json::from_str(brought[n]["body"].as_str().expect("a text")).expect("JSON");
        body["attributes"].clone()
    };
    let (first, second) = (attributes(0), attributes(1));
    assert_eq!((&first["fraud_flag"], &first["fraud_late"]), (&json!("LOW"), &Value::Null), "{first}");
    let late = [&second["fraud_risk_score"], &second["fraud_flag"], &second["fraud_late"]];
    assert_eq!(late, [&json!(95.0), &json!("HIGH"), &json!(true)], "{second}");
    let stands = bank.xceed.interaction("i-1").expect("something was brought");
    assert_eq!(stands["attributes"]["fraud_flag"], "HIGH");
    let log = bank.gateway.log();
    let alarm = log.lines().find(|line| line.contains("stricter than what was told")).unwrap_or_default();
    assert!(alarm.contains("ERROR"), "{log}");
}

#[test]
fn a_plain_caller_who_has_the_decision_is_told_in_the_interaction_what_comes_late_alone() {
    let bank = Bank::with_cxone("xceed.attempt_timeout = \"20s\"\npolicy.deadline_ms = 300");
    bank.gateway.submit(&from_interaction("e-1", "C-1", "cxone"));
    bank.gateway.submit(&from_interaction("e-2", "SIM-SLOW-2500-SCORE-95", "cxone"));
    let brought = bank.xceed.brought_times("i-e-2", 1);
    assert!(
        brought[0]["body"].as_str().is_some_and(|body| body.contains(r#""fraud_late":true"#)),
        "{brought:?}"
    );
    assert_eq!(bank.xceed.brought_to("i-e-1").len(), 0);
    bank.gateway.submit(&from_interaction("e-3", "SIM-SLOW-2500-SCORE-95", "another"));
    bank.gateway.caller().until_state("e-3", "SETTLED");
    assert_eq!(bank.xceed.brought_to("i-e-3").len(), 0, "nobody is configured there");
}

#[test]
fn a_signal_has_its_parameters() {
    let bank = Bank::with_cxone("cxone.push = \"signal\"");
    let decided = bank.decide("4711", "SIM-SCORE-73.5-ACTION-Hold");
    let brought = bank.xceed.brought_times("4711", 1);
    assert_eq!(brought[0]["what"], "cxone-signal");
    assert_eq!(
        brought[0]["parameters"],
        json!({ "p1": "REVIEW", "p2": "73.5", "p3": "HIGH", "p4": "SCORED", "p5": "action",
            "p6": decided["eventId"], "p7": "", "p8": "SUCCESS" })
    );
}

#[test]
fn each_grant_is_asked_as_it_is_configured() {
    for (grant, path, client) in [
        ("password", "/auth/token", "gateway"),
        ("access_key", "/authentication/v1/token/access-key", "key-1"),
    ] {
        let bank = Bank::open(|tenant, platform, secrets| {
            let key = secrets.source("key");
            let over = format!(
                "[cxone]\ngrant = \"{grant}\"\ntoken_url = \"{platform}{path}\"\naccess_key_id = \"key-1\"\n\
                 access_key_secret = {key}\n"
            );
            with_cxone(tenant, platform, secrets, &over)
        });
        bank.decide("i-1", "C-1");
        bank.xceed.brought_times("i-1", 1);
        let tokens = bank.xceed.tokens();
        assert_eq!((&tokens["lastGrant"], &tokens["lastClient"]), (&json!(grant), &json!(client)));
    }
}

#[test]
fn an_issuer_says_where_cxone_is() {
    for (grant, last) in [("password", "gateway"), ("access_key", "key-1")] {
        let bank = Bank::open(|tenant, platform, secrets| {
            tenant.with(&format!(
                "[cxone]\nissuer = \"{platform}\"\ntenant_id = \"11eb-1\"\ngrant = \"{grant}\"\n\
                 client_id = \"gateway\"\nclient_secret = {}\naccess_key_id = \"key-1\"\naccess_key_secret = {}\n",
                secrets.source("client"),
                secrets.source("key")
            ))
        });
        bank.decide("i-1", "C-1");
        assert_eq!(bank.xceed.brought_times("i-1", 1)[0]["status"], 200);
        let tokens = bank.xceed.tokens();
        assert_eq!((&tokens["lastGrant"], &tokens["lastClient"]), (&json!(grant), &json!(last)));
    }
}

#[test]
fn genesys_gets_text_for_the_customer_of_the_conversation() {
    let bank = Bank::open(|tenant, platform, secrets| {
        with_genesys(tenant, platform, secrets)
            .with("xceed.attempt_timeout = \"20s\"\npolicy.deadline_ms = 300")
    });
    bank.gateway.submit(&from_interaction("e-1", "SIM-SLOW-2500-SCORE-95", "genesys"));
    let brought = bank.xceed.brought_times("i-e-1", 2);
    let whats = [&brought[0]["what"], &brought[1]["what"], &brought[1]["participant"]];
    assert_eq!(whats, ["genesys-conversation", "genesys-attributes", "i-e-1-customer"]);
    let stands = bank.xceed.interaction("i-e-1").expect("something was brought");
    let attributes = &stands["participants"]["i-e-1-customer"];
    let seen =
        ["fraud_risk_score", "fraud_flag", "fraud_decision", "fraud_late"].map(|name| &attributes[name]);
    assert_eq!(seen, ["95.0", "HIGH", "BLOCK", "true"], "{attributes}");
}

#[test]
fn a_source_says_whose_attributes_are_set_and_from_where_on_a_risk_is_high() {
    let folder = Folder::new();
    let file = folder.join("ivr.toml");
    let source = r#"
event_type = "WireTransfer"
high_risk_above = 80
[fields]
"interaction.id" = "$.call"
"customer.id" = "$.customer"
[push]
to = "genesys"
when = "always"
participant = "$.who"
"#;
    std::fs::write(&file, source).expect("the test's folder can be written");
    let bank = Bank::open(|tenant, platform, secrets| {
        let tenant = with_genesys(tenant, platform, secrets);
        tenant.with(&format!("[sources.ivr]\nfile = \"{}\"", file.display()))
    });
    let caller = bank.gateway.caller();
    for (call, score, flag) in [("call-1", 80, "LOW"), ("call-2", 81, "HIGH")] {
        let customer = format!("SIM-SCORE-{score}-ACTION-Deny~{call}");
        let body = json!({ "call": call, "customer": customer, "who": "p/7" }).to_string();
        let request = caller.request("POST", "/v1/sources/ivr").header("Content-Type", "application/json");
        let told = caller.call(&request.body(body));
        assert_eq!(
            (told.status, &told.json()["isHighRisk"]),
            (200, &json!(flag == "HIGH")),
            "{}",
            told.text()
        );
        let brought = bank.xceed.brought_times(call, 1);
        assert_eq!(
            (&brought[0]["what"], &brought[0]["participant"]),
            (&json!("genesys-attributes"), &json!("p/7"))
        );
        let stands = bank.xceed.interaction(call).expect("something was brought");
        let attributes = &stands["participants"]["p/7"];
        assert_eq!(
            (&attributes["fraud_flag"], &attributes["fraud_decision"]),
            (&json!(flag), &json!("BLOCK"))
        );
    }
}

#[test]
fn a_webhook_hears_every_decision_and_what_comes_late_signed() {
    let bank = Bank::open(|tenant, platform, secrets| {
        with_webhook(tenant, &format!("{platform}/webhook/crm"), secrets, "")
            .with("xceed.attempt_timeout = \"20s\"\npolicy.deadline_ms = 300")
    });
    bank.xceed.platforms_behave(&json!({ "webhook_secrets": { "crm": [HOOK_SECRET] } }));
    let told = bank.gateway.submit(&customer_event("e-1", "SIM-SLOW-2500-SCORE-95"));
    let brought = bank.xceed.brought_times("crm", 2);
    let body = |n: usize| {
        let text = brought[n]["body"].as_str().expect("a text");
        (text, serde_json::from_str::<Value>(text).expect("JSON"))
    };
    let (text, decision) = body(0);
    assert_eq!(decision["type"], "decision");
    assert!(text.ends_with(&format!("\"data\":{}}}", told.text())), "as it was told, byte for byte: {text}");
    let (_, late) = body(1);
    assert_eq!((&late["type"], &late["data"]["decision"]), (&json!("late"), &json!("ALLOW")));
    assert_eq!(late["data"]["late"], bank.gateway.look_up("e-1").json()["late"]);
    for landing in &brought {
        assert_eq!((&landing["verified"], &landing["status"]), (&json!(true), &json!(204)), "{landing}");
    }
    assert_ne!(brought[0]["parameters"]["webhook-id"], brought[1]["parameters"]["webhook-id"]);
    let acknowledged = customer_event("e-2", "C-2").to_string();
    assert_eq!(bank.gateway.submit_with("?mode=ack", &[], acknowledged).status, 202);
    bank.gateway.submit(&customer_event("e-3", "C-3"));
    let brought = bank.xceed.brought_times("crm", 3);
    assert!(
        brought[2]["body"].as_str().is_some_and(|body| body.contains("e-3")),
        "no acknowledgement: {brought:?}"
    );
}

#[test]
fn while_a_webhooks_secret_is_changed_both_verify() {
    let bank = Bank::open(|tenant, platform, secrets| {
        let previous = format!("secret_previous = {}", secrets.source("old-hook"));
        with_webhook(tenant, &format!("{platform}/webhook/crm"), secrets, &previous)
    });
    for (n, known) in [OLD_HOOK_SECRET, HOOK_SECRET].into_iter().enumerate() {
        bank.xceed.platforms_behave(&json!({ "webhook_secrets": { "crm": [known] } }));
        bank.gateway.submit(&customer_event(&format!("e-{n}"), &format!("C-{n}")));
        let brought = bank.xceed.brought_times("crm", n + 1);
        assert_eq!(brought[n]["verified"], true);
        let signatures = brought[n]["parameters"]["webhook-signature"].as_str().expect("a text");
        assert_eq!(signatures.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }
}

#[test]
fn a_webhooks_id_and_body_stay_over_retries() {
    let bank = Bank::with_webhook("");
    bank.xceed.platforms_behave(&json!({ "webhook": { "statuses": [500, 503] } }));
    bank.gateway.submit(&customer_event("e-1", "C-1"));
    let brought = bank.xceed.brought_times("crm", 3);
    for landing in &brought {
        assert_eq!(landing["parameters"]["webhook-id"], brought[0]["parameters"]["webhook-id"]);
        assert_eq!(landing["body"], brought[0]["body"]);
    }
    let statuses: Vec<_> = brought.iter().map(|landing| landing["status"].clone()).collect();
    assert_eq!(statuses, [500, 503, 204]);
}
