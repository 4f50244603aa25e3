//! The sample events: a morning in a contact center.

/// One sample.
pub(super) struct Sample {
    /// What happened, in words.
    pub(super) title: &'static str,
    /// The event, as a caller would send it.
    pub(super) event: &'static str,
}

macro_rules! sample {
    ($file:literal, $title:literal) => {
        Sample { title: $title, event: include_str!(concat!("../../../fixtures/demo/", $file)) }
    };
}

pub(super) const SAMPLES: [Sample; 10] = [
    sample!("01-balance.json", "A customer asks for a balance"),
    sample!("02-wire-by-phone.json", "A wire of 12,500 USD by phone, from a new customer"),
    sample!("03-failed-challenge.json", "A code sent by SMS is answered wrongly"),
    sample!("04-new-device.json", "The system registers a new device"),
    sample!("05-outside-hours.json", "The system ends a session outside banking hours"),
    sample!("06-new-payee.json", "A new payee is added, with 2,500 USD to go there"),
    sample!("07-large-wire.json", "A wire of 250,000 EUR"),
    sample!("08-bill.json", "A bill of 84.20 USD is paid"),
    sample!("09-xceed-is-slow.json", "An ACH transfer, while Xceed takes 1.5 seconds to answer"),
    sample!("10-xceed-in-maintenance.json", "A new address, while Xceed is in maintenance"),
];

/// What CXone sends of a call, and the interaction that it is about.
pub(super) const DATA_ACTION: &str = include_str!("../../../fixtures/demo/11-data-action.json");
pub(super) const INTERACTION: &str = "50011";
