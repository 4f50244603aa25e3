//! The weather between gateway and Xceed: mostly calm, now and then slow or broken for a moment.

use crate::chance::Chance;
use crate::harness::Simulator;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) struct Weather<'a> {
    xceed: &'a Simulator,
    chance: Chance,
    until: Instant,
    changes: u64,
}

impl<'a> Weather<'a> {
    /// Calm at first.
    pub(crate) fn over(xceed: &'a Simulator, chance: Chance) -> Self {
        Self { xceed, chance, until: Instant::now() + Duration::from_millis(100), changes: 0 }
    }

    /// Changes when it is time to.
    pub(crate) fn pass(&mut self) {
        if Instant::now() < self.until {
            return;
        }
        self.changes += 1;
        let calm = self.changes.is_multiple_of(2);
        let lasts = if calm { self.chance.between(200, 900) } else { self.chance.between(20, 300) };
        self.until = Instant::now() + Duration::from_millis(lasts);
        if calm {
            self.xceed.behave_as_usual();
        } else {
            self.xceed.behave(&bad(&mut self.chance));
        }
    }

    pub(crate) fn clear(&self) {
        self.xceed.behave_as_usual();
    }
}

fn bad(chance: &mut Chance) -> Value {
    match chance.between(0, 10) {
        0..3 => json!({ "delay_ms": chance.between(20, 700) }),
        3..5 => json!({ "fault": "reset" }),
        5 => json!({ "fault": "reset_midway" }),
        6 => json!({ "fault": "soap_fault" }),
        7 => json!({ "fault": "garbage", "delay_ms": 100 }),
        8 => json!({ "code": "ERROR" }),
        _ => json!({ "code": "MAINTENANCE", "callback": "twice" }),
    }
}
