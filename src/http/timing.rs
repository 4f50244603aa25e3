//! Where a call's time goes, for whoever makes it: `Server-Timing`. Its parts follow each other without a gap, so their sum is
//! the latency.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use std::fmt::Write;
use tokio::time::Instant;

/// Until the whole event is here.
const RECEIVE: &str = "receive";
/// Until the answer, where nothing of it was sent for this call.
const DECIDE: &str = "decide";
/// Until it leaves for Xceed.
const PREPARE: &str = "prepare";
/// Until Xceed has answered, or the fallback for it.
const XCEED: &str = "xceed";
/// Until what is told is on disk.
const SETTLE: &str = "settle";

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The time of one call.
pub(super) struct Timing {
    last: Instant,
    told: String,
    /// What the part that is under way is called.
    part: &'static str,
}

impl Timing {
    /// From when it was received.
    pub(super) fn since(received: Instant) -> Self {
        Self { last: received, told: String::with_capacity(96), part: RECEIVE }
    }

    /// The whole event is here.
    pub(super) fn received(&mut self) {
        self.ends(Instant::now(), DECIDE);
    }

    /// When the call's own attempt left and when it ended, as far as it did: what is before it is preparing, recording and
    /// waiting for one's turn, what is behind it is settling.
    pub(super) fn attempt(&mut self, times: (Option<Instant>, Option<Instant>)) {
        let (Some(left), returned) = times else { return };
        self.part = PREPARE;
        self.ends(left, XCEED);
        if let Some(returned) = returned {
            self.ends(returned, SETTLE);
        }
    }

    /// The answer is there.
    pub(super) fn end(&mut self) {
        self.ends(Instant::now(), self.part);
    }

    /// The part that is under way ends, and the next begins.
    fn ends(&mut self, at: Instant, next: &'static str) {
        let millis = at.saturating_duration_since(self.last).as_secs_f64() * 1e3;
        let (comma, name) = (if self.told.is_empty() { "" } else { ", " }, self.part);
        let _ = write!(self.told, "{comma}{name};dur={millis:.3}");
        (self.last, self.part) = (self.last.max(at), next);
    }

    /// Says it with the answer.
    pub(super) fn tell(&self, answer: &mut HttpResponse) {
        if let Ok(value) = HeaderValue::from_str(&self.told) {
            answer.headers_mut().insert(SERVER_TIMING, value);
        }
    }
}
