//! Where a call's time goes, for whoever makes it: `Server-Timing`. Its parts follow each other without a gap, so their sum is
//! the latency.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use std::fmt::Write;
use tokio::time::Instant;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The time of one call.
pub(super) struct Timing {
    last: Instant,
    told: String,
}

impl Timing {
    /// From when it was received.
    pub(super) fn since(received: Instant) -> Self {
        Self { last: received, told: String::with_capacity(64) }
    }

    /// A part ends, and the next begins.
    pub(super) fn part(&mut self, name: &str) {
        let now = Instant::now();
        let millis = (now - self.last).as_secs_f64() * 1e3;
        let comma = if self.told.is_empty() { "" } else { ", " };
        let _ = write!(self.told, "{comma}{name};dur={millis:.3}");
        self.last = now;
    }

    /// Says it with the answer.
    pub(super) fn tell(&self, answer: &mut HttpResponse) {
        if let Ok(value) = HeaderValue::from_str(&self.told) {
            answer.headers_mut().insert(SERVER_TIMING, value);
        }
    }
}
