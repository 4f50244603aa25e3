//! How the platforms are made to misbehave: `PUT /_sim/platform`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What each of the three does. What is not said is as usual.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Told {
    /// The token endpoints.
    pub(super) token: Token,
    /// The platforms' APIs.
    pub(super) api: Answers,
    /// Whoever listens.
    pub(super) webhook: Answers,
    /// What webhooks are signed with, by name; those that are known stay where this is not said.
    #[serde(skip_serializing)]
    pub(super) webhook_secrets: Option<BTreeMap<String, Vec<String>>>,
}

/// What a token endpoint does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Token {
    /// Answers with this status and no token.
    pub(super) status: Option<u16>,
    /// Answers 200 with a page.
    pub(super) html: bool,
    /// How long the answer waits.
    pub(super) delay_ms: u64,
    /// So many seconds a token is good for; an hour unless it is said.
    pub(super) expires_in: Option<u64>,
    /// No token that was given out before is good any more.
    pub(super) revoke: bool,
}

/// How requests are answered.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    /// One status for each of the next requests; 200 does as usual.
    pub(super) statuses: Vec<u16>,
    /// The status of all that follow.
    pub(super) status: Option<u16>,
    /// `Retry-After`, in seconds or as a date, with every status that is told.
    pub(super) retry_after: Option<String>,
    /// How long each answer waits.
    pub(super) delay_ms: u64,
}

/// How one request is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<String>,
    pub(super) delay_ms: u64,
}

impl Answers {
    /// How the next request is answered.
    pub(super) fn next(&mut self) -> Answer {
        let status = if self.statuses.is_empty() { self.status } else { Some(self.statuses.remove(0)) };
        let status = status.filter(|status| *status != 200);
        Answer { status, retry_after: self.retry_after.clone(), delay_ms: self.delay_ms }
    }
}
