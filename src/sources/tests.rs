//! Sources as a whole: what ships, what is wrong with a file, and bodies of any shape.

use super::published::is_valid;
use super::*;
use crate::domain::event::FieldFault;
use crate::domain::field::Field;
use crate::domain::going_back::Target;
use crate::domain::identifiers::TenantName;
use proptest::prelude::*;
use serde_json::{Value, json};

fn compiled(text: &str) -> Result<Source, String> {
    let settings = SourceSettings {
        name: "my-ivr".to_owned(),
        file: "my-ivr.toml".to_owned(),
        text: text.to_owned(),
        samples: Vec::new(),
    };
    Source::compile(&settings, &Members::default()).map_err(|errors| errors.join("\n"))
}

fn shipped(name: &str) -> Source {
    let settings =
        SourceSettings::shipped().into_iter().find(|source| source.name == name).expect("it ships");
    Source::compile(&settings, &Members::default()).expect("sound")
}

/// A tree that lives as long as the tests do.
fn fields(value: &Value) -> Field<'static> {
    match value {
        Value::Null => Field::Null,
        Value::Bool(value) => Field::Bool(*value),
        Value::Number(number) => Field::Number(Box::leak(number.to_string().into_boxed_str())),
        Value::String(text) => Field::Text(text.clone().into()),
        Value::Array(items) => Field::List(items.iter().map(fields).collect()),
        Value::Object(members) => {
            Field::Object(members.iter().map(|(name, value)| (name.clone().into(), fields(value))).collect())
        }
    }
}

fn bank() -> TenantName {
    TenantName::new("bank")
}

fn value(field: &Field<'_>) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        Field::Text(text) => text.as_ref().into(),
        Field::List(items) => items.iter().map(value).collect(),
        Field::Object(members) => {
            members.iter().map(|(name, field)| (name.clone().into_owned(), value(field))).collect()
        }
    }
}

fn event(source: &Source, body: &Value) -> Value {
    value(&source.read(&bank(), &fields(body)).event)
}

const WHOLE: &str = r#"
event_type = { path = "$.kind", words = { wire = "WireTransfer" }, default = "Other" }
answer = "full"
deadline = "750ms"
mode = "deferred"
high_risk_above = 70
correlation_header = "X-Call-Id"
volatile = ["$.now", "$.calls[*].at"]
require = ["customer.id", "attributes.Queue"]

[fields]
eventId = "$.id"
occurredAt = "$.now"
"customer.id" = ["$.caller.customer", "$.customer"]
transaction.amount = { path = "$.amt", as = "number" }
transaction.currency = { path = "$.cur", default = "USD" }
"transaction.payee" = { path = "$.items[?@.kind == 'payee'].name" }
"interaction.platform" = { value = "my-ivr" }
"attributes" = "$.extra"
"attributes.Queue" = "$.queue"
"attributes.Priority" = { value = 7 }

[push]
to = "genesys"
when = "always"
participant = "$.participant"
"#;

#[test]
fn a_source_says_everything_in_one_file() {
    let source = compiled(WHOLE).expect("sound");
    assert_eq!((source.form(), source.is_deferred()), (Form::Full, true));
    assert_eq!(source.deadline(), Some(Duration::from_millis(750)));
    assert_eq!(source.correlation_header(), Some("X-Call-Id"));
    let body = json!({
        "id": "e-1", "kind": "wire", "now": "2026-11-22T08:00:00Z", "caller": { "customer": 1001 },
        "amt": "12500.00", "queue": "fraud", "participant": "p-1", "surplus": [1, 2, 3],
        "items": [{ "kind": "x", "name": "no" }, { "kind": "payee", "name": "ACME" }],
        "extra": { "Queue": "other", "Vip": true, "Macro": "${input.x}" }
    });
    let expected = json!({
        "eventType": "WireTransfer", "eventId": "e-1", "occurredAt": "2026-11-22T08:00:00Z", "customer": { "id": "1001" },
        "transaction": { "amount": 12500.00, "currency": "USD", "payee": "ACME" },
        "interaction": { "platform": "my-ivr" },
        "attributes": { "Queue": "fraud", "Vip": true, "Priority": 7 }
    });
    assert_eq!(event(&source, &body), expected);
    let body = fields(&body);
    let reading = source.read(&bank(), &body);
    assert_eq!(reading.event.at("transaction.amount"), Some(&Field::Number("12500.00")), "digit for digit");
    assert_eq!(reading.name, Name::Given);
    let target = Target {
        participant: Some("p-1".into()),
        high_risk_above: Some(70.into()),
        ..Target::new("genesys", When::Always)
    };
    assert_eq!(reading.back, Some(target));
    assert_eq!(reading.missing, []);
}

#[test]
fn what_a_source_requires_is_missed_by_the_bodys_own_names() {
    let source = compiled(WHOLE).expect("sound");
    let body = fields(&json!({ "caller": { "customer": " " }, "queue": "${input.queue}" }));
    let missing: Vec<_> = source.read(&bank(), &body).missing;
    let told: Vec<_> = missing.iter().map(|fault| (fault.field.as_str(), fault.rule)).collect();
    assert_eq!(told, [("caller.customer", "required"), ("queue", "required")]);
}

#[test]
fn a_fault_of_the_event_is_told_where_the_body_has_it() {
    let source = compiled(WHOLE).expect("sound");
    for (member, field) in [
        ("transaction.amount", "amt"),
        ("attributes.Vip", "extra.Vip"),
        ("attributes.Queue", "queue"),
        ("eventType", "kind"),
        ("transaction.payee", "$.items[?@.kind == 'payee'].name"),
        ("interaction.platform", "interaction.platform"),
        ("session.id", "session.id"),
    ] {
        assert_eq!(source.locate(FieldFault::new(member, "type", "x")).field, field);
    }
    assert_eq!((source.line("transaction.amount"), source.line("session.id")), (Some(15), None));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line_and_the_cure() {
    let errors = compiled(
        r#"event_typ = "Login"
answer = "xml"
deadline = "6s"
high_risk_above = 101
volatile = ["$.ok", "no path"]
require = ["custmer.id"]
[fields]
"customer.id" = "caller.customer"
"custmer.tier" = "$.tier"
"transaction.amount" = { path = "$.amt", as = "text", defalt = 1 }
"transaction.currency" = { path = "$.cur", default = 1 }
"transaction.valueDate" = { value = "x", path = "$.y" }
"customer" = "$.customer"
"session.id" = "$.session["
eventType = "$.kind"
[push]
to = "avaya"
whn = "late"
"#,
    )
    .expect_err("broken");
    for expected in [
        "my-ivr.toml:1: event_typ: is unknown; the nearest known key is event_type",
        "my-ivr.toml:1: event_type: is missing",
        "my-ivr.toml:2: answer: must be \"flat\" or \"full\"",
        "my-ivr.toml:3: deadline: must be a time from \"10ms\" to \"5s\"",
        "my-ivr.toml:4: high_risk_above: must be a number from 0 to 100",
        "my-ivr.toml:5: volatile: is no JSONPath (RFC 9535)",
        "my-ivr.toml:6: require: names a member that is unknown; the nearest known member is customer.id",
        "my-ivr.toml:8: fields.customer.id: must begin with $",
        "my-ivr.toml:9: fields.custmer.tier: is unknown; the nearest known member is customer.tier",
        "my-ivr.toml:10: fields.transaction.amount.as: does not fit: the member must be a plain number",
        "my-ivr.toml:10: fields.transaction.amount.defalt: is unknown; the nearest known key is default",
        "my-ivr.toml:11: fields.transaction.currency.default: must be a text in quotes",
        "my-ivr.toml:12: fields.transaction.valueDate: a constant stands alone",
        "my-ivr.toml:13: fields.customer: is a group: name its members",
        "my-ivr.toml:14: fields.session.id: is no JSONPath (RFC 9535)",
        "my-ivr.toml:15: fields.eventType: stands at the top",
        "my-ivr.toml:17: push.to: must be \"cxone\" or \"genesys\"",
        "my-ivr.toml:18: push.whn: is unknown; the nearest known key is when",
    ] {
        assert!(errors.lines().any(|line| line.starts_with(expected)), "{expected}\nis not in\n{errors}");
    }
    assert_eq!(errors.lines().count(), 18, "{errors}");
    let no_toml = compiled("event_type = \"secret value").expect_err("broken");
    assert!(
        no_toml.starts_with("my-ivr.toml:1: is no TOML") && !no_toml.contains("secret value"),
        "{no_toml}"
    );
    assert!(compiled("event_type = \"Login\"\n").expect_err("no fields").contains("fields: is missing"));
}

#[test]
fn a_call_that_a_platform_repeats_is_the_same_event() {
    let source = shipped(GENESYS_ASSESS);
    let body = |time: &str, amount: &str| {
        json!({
            "customer_id": "C-1", "transaction_amount": amount, "currency_code": "USD", "timestamp": time
        })
    };
    let of = |body: &Value| {
        let body = fields(body);
        let reading = source.read(&bank(), &body);
        (reading.name, reading.fingerprint)
    };
    let first = of(&body("2026-11-22T08:00:00Z", "10.00"));
    assert!(matches!(&first.0, Name::Fleeting(id) if id.starts_with("genesys-assess:")), "{first:?}");
    assert_eq!(of(&body("2026-11-22T08:00:01Z", "10.00")), first);
    assert_ne!(of(&body("2026-11-22T08:00:00Z", "10.0")), first);
    let mut with_call = body("2026-11-22T08:00:00Z", "10.00");
    with_call["conversation_id"] = json!("c-1");
    assert!(matches!(of(&with_call).0, Name::Derived(_)));
}

#[test]
fn the_sources_that_ship_read_what_the_platforms_send() {
    let action = shipped(CXONE_DATA_ACTION);
    let nested = json!({
        "eventType": "WireTransfer",
        "data": { "interactionId": "123", "transactionId": "T-1", "amount": 12500.5, "customerId": "C-1",
                  "attributes": { "Vip": "yes" } }
    });
    let flat = json!({
        "eventType": "WireTransfer", "interactionId": "123", "transactionId": "T-1", "amount": "12500.5",
        "customerId": "C-1"
    });
    let expected = json!({
        "eventType": "WireTransfer", "interaction": { "id": "123", "platform": "cxone" }, "customer": { "id": "C-1" },
        "transaction": { "id": "T-1", "amount": 12500.5 }
    });
    assert_eq!(event(&action, &flat), expected);
    let mut with_attributes = expected;
    with_attributes["attributes"] = json!({ "Vip": "yes" });
    assert_eq!(event(&action, &nested), with_attributes);
    assert!(action.is_deferred());

    let genesys = shipped(GENESYS_ASSESS);
    let unfilled = json!({
        "customer_id": "${interaction.customer.id}", "transaction_amount": "$!{input.transaction_amount}",
        "currency_code": "USD", "device_fingerprint": "", "timestamp": "2026-11-22T08:00:00"
    });
    let expected = json!({
        "eventType": "Other", "interaction": { "platform": "genesys" }, "transaction": { "currency": "USD" }
    });
    assert_eq!(event(&genesys, &unfilled), expected);
}

/// Any JSON of some depth.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é€]{0,12}|\\$\\{[a-z.]{0,8}\\}|[0-9]{1,18}(\\.[0-9]{1,5})?".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("data"),
        Just("eventType"),
        Just("amount"),
        Just("interactionId"),
        Just("customerId"),
        Just("attributes"),
        Just("contactId"),
        Just("customer_id"),
        Just("transaction_amount"),
        Just("timestamp"),
        Just("id"),
        Just("kind"),
        Just("caller"),
        Just("customer"),
        Just("amt"),
        Just("items"),
        Just("extra"),
        Just("queue")
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_body_breaks_a_source(body in any_json()) {
        let body = fields(&body);
        let sources = SourceSettings::shipped().into_iter().map(|source| shipped(&source.name));
        for source in sources.chain([compiled(WHOLE).expect("sound")]) {
            let reading = source.read(&bank(), &body);
            prop_assert!(reading.event.member("eventType").is_none_or(Field::has_data));
            prop_assert_eq!(&reading.event, &source.read(&bank(), &body).event);
            if let Name::Derived(id) | Name::Fleeting(id) = &reading.name {
                prop_assert!(crate::domain::identifiers::EventId::parse(id).is_some());
            }
            for path in source.unfed(&body) {
                prop_assert!(source.feeds().any(|(known, _)| known == path));
            }
        }
    }

    #[test]
    fn no_file_breaks_the_compiler(text in "(event_type|fields|\\[fields\\]|\"customer.id\"|push|= |\\$\\.a|\\{ path|\"|\\}|\\]|\\[|\n|'|1|\\.){0,24}") {
        let _ = compiled(&text);
    }

    #[test]
    fn every_flat_answer_is_short_and_without_null(
        decision in proptest::option::of("ALLOW|CHALLENGE|REVIEW|BLOCK|PENDING"),
        score in proptest::option::of("[0-9]{1,2}\\.[0-9]{1,26}"),
        code in proptest::option::of(any::<String>()),
        reasons in proptest::collection::vec(any::<String>(), 0..40),
        limit in proptest::option::of(0_u32..=100),
    ) {
        let number: Value = score.map_or(Value::Null, |score| serde_json::from_str(&score).unwrap_or_else(|_| json!(1.0)));
        let words = json!({
            "eventId": "e-1", "decision": decision, "outcome": "SCORED", "basis": "action", "riskScore": number,
            "returnCode": code, "reasons": reasons
        });
        let flat = answer::flat(words.to_string().as_bytes(), limit.map(Decimal::from));
        prop_assert!(flat.len() < answer::SIZE_MAX);
        is_valid(&flat);
    }
}
