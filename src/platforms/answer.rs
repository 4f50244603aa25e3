//! What an answer of a platform means for the decision that was brought there.

use crate::domain::bringing_back::{Pause, Pushed};
use crate::telemetry;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use std::time::Duration;

/// No more of an answer is read.
pub(super) const ANSWER_MAX: usize = 1024 * 1024;

/// An answer, as far as anything depends on it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_html: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Sends a request, and reads what is answered within that time.
    pub(super) async fn to(request: reqwest::RequestBuilder, within: Duration) -> Result<Self, Pushed> {
        let mut response = request.timeout(within).send().await.map_err(|error| failed(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header("retry-after").and_then(|text| wait(text, telemetry::now()));
        let is_html = header("content-type").is_some_and(|kind| kind.contains("html"));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                // Whatever it says, its status is known; and the rest is not waited for.
                body.clear();
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, is_html, retry_after, body })
    }

    /// What it means.
    pub(super) fn judge(&self) -> Pushed {
        let asked = self.retry_after.map(Pause::Asked);
        match self.status {
            200..=299 => Pushed::Landed,
            404 | 410 => Pushed::Gone("gone"),
            401 => Pushed::Refused("unauthorized"),
            403 => Pushed::Refused("forbidden"),
            300..=399 => Pushed::Refused("redirected"),
            // Being put off is no failure, so it does not count.
            429 => {
                let pause = Some(asked.unwrap_or(Pause::Growing));
                Pushed::Later { why: "it takes no more just now", left: false, pause }
            }
            408 | 425 | 500.. => Pushed::Later { why: "it answered with an error", left: true, pause: asked },
            _ => Pushed::Refused("rejected"),
        }
    }
}

/// A request without an answer. A decision that arrives twice says the same twice.
fn failed(error: &reqwest::Error) -> Pushed {
    let later = |why, left| Pushed::Later { why, left, pause: None };
    if error.is_builder() {
        Pushed::Refused("no_address")
    } else if error.is_connect() {
        later("it could not be reached", false)
    } else if error.is_timeout() {
        later("it did not answer in time", true)
    } else {
        later("the connection broke off", true)
    }
}

/// `Retry-After`: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, retry_after: Option<u64>) -> Pushed {
        let retry_after = retry_after.map(Duration::from_secs);
        Answer { status, is_html: false, retry_after, body: vec![] }.judge()
    }

    #[test]
    fn each_status_means_one_thing() {
        for status in [200, 202, 204] {
            assert_eq!(judged(status, None), Pushed::Landed);
        }
        for status in [404, 410] {
            assert_eq!(judged(status, None), Pushed::Gone("gone"));
        }
        for (status, why) in
            [(401, "unauthorized"), (403, "forbidden"), (302, "redirected"), (400, "rejected")]
        {
            assert_eq!(judged(status, None), Pushed::Refused(why));
        }
        for status in [408, 425, 500, 502, 503, 599] {
            let why = "it answered with an error";
            assert_eq!(judged(status, None), Pushed::Later { why, left: true, pause: None });
        }
        let (why, left) = ("it takes no more just now", false);
        let asked = Some(Pause::Asked(Duration::from_secs(7)));
        assert_eq!(judged(429, Some(7)), Pushed::Later { why, left, pause: asked });
        assert_eq!(judged(429, None), Pushed::Later { why, left, pause: Some(Pause::Growing) });
    }

    #[test]
    fn how_long_to_wait_is_said_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-11-26T08:49:30Z".parse().expect("a time");
        let seconds = |text| wait(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds(" 120 "), Some(120));
        assert_eq!(seconds("Thu, 26 Nov 2026 08:49:37 GMT"), Some(7));
        assert_eq!(seconds("Thu, 26 Nov 2026 08:00:00 GMT"), Some(0), "it has passed");
        assert_eq!([seconds("soon"), seconds("-1"), seconds("")], [None; 3]);
    }
}
