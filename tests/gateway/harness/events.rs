//! Events to submit: plain ones, which a test changes where it matters.

use serde_json::{Value, json};

/// A login of a customer of its own, so that no limit for one customer is ever met by accident.
pub(crate) fn event(event_id: &str) -> Value {
    customer_event(event_id, &format!("C-{event_id}"))
}

/// A login of this customer; the simulator takes orders by customer id.
pub(crate) fn customer_event(event_id: &str, customer: &str) -> Value {
    json!({
        "eventId": event_id,
        "eventType": "Login",
        "occurredAt": "2026-11-22T08:00:00Z",
        "outcome": "Success",
        "customer": { "id": customer, "accountId": "000123", "accountType": "Checking" },
        "session": { "id": "s-1", "ipAddress": "203.0.113.7", "deviceId": "d-9" }
    })
}

/// A wire transfer of this customer.
pub(crate) fn wire(event_id: &str, customer: &str, amount: u32) -> Value {
    let mut event = customer_event(event_id, customer);
    event["eventType"] = json!("WireTransfer");
    event["transaction"] = json!({
        "id": "T-1", "amount": amount, "currency": "USD", "valueDate": "2026-11-23", "payee": "ACME Ltd"
    });
    event
}
