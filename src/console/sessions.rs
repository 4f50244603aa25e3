//! Who is signed in. In memory alone: of a session's token only its hash is kept, and a new start signs everybody out.

use crate::http::auth::Operator;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// A session ends after this time, and earlier where nobody does anything.
const LASTS: Duration = Duration::from_hours(8);
const IDLE: Duration = Duration::from_mins(30);
/// Sessions at a time, at most: the oldest ends where there would be more.
const SESSIONS_MAX: usize = 64;
/// Keys that were wrong, within a minute, at most.
const WRONG_MAX: usize = 10;
const WRONG_IN: Duration = Duration::from_mins(1);

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    open: Vec<Session>,
    wrong: Vec<Timestamp>,
}

#[derive(Clone)]
struct Session {
    token: [u8; 32],
    operator: Operator,
    form: String,
    begun: Timestamp,
    seen: Timestamp,
}

/// Whoever is signed in, for one call.
#[derive(Clone)]
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) may_act: bool,
    /// What each form of this session carries.
    pub(super) form: String,
}

/// Why nobody is signed in.
pub(super) enum Refused {
    Wrong,
    TooMany,
}

impl Sessions {
    /// Signs in, and gives the token of the cookie.
    pub(super) fn sign_in(
        &self,
        operators: &[Operator],
        key: &str,
        now: Timestamp,
    ) -> Result<String, Refused> {
        let mut inner = self.inner();
        inner.wrong.retain(|at| now.duration_since(*at).unsigned_abs() < WRONG_IN);
        if inner.wrong.len() >= WRONG_MAX {
            return Err(Refused::TooMany);
        }
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        // Every key is compared to the end, so the time taken tells nothing.
        let found = operators.iter().fold(None, |found, operator| {
            if bool::from(operator.hash.ct_eq(&hash)) { Some(operator) } else { found }
        });
        let (Some(operator), Some(token), Some(form)) = (found, random(), random()) else {
            inner.wrong.push(now);
            return Err(Refused::Wrong);
        };
        inner.open.retain(|session| !session.is_over(now));
        if inner.open.len() >= SESSIONS_MAX {
            inner.open.remove(0);
        }
        let operator = operator.clone();
        inner.open.push(Session { token: digest(&token), operator, form, begun: now, seen: now });
        Ok(token)
    }

    /// Whose token it is, where that operator's key is still known. `is_active`: whether a person did something.
    pub(super) fn guest(
        &self,
        operators: &[Operator],
        token: &str,
        is_active: bool,
        now: Timestamp,
    ) -> Option<Guest> {
        let token = digest(token);
        let mut inner = self.inner();
        inner.open.retain(|session| {
            let own = &session.operator;
            let is_same = |other: &Operator| {
                (&other.name, other.hash, other.may_act) == (&own.name, own.hash, own.may_act)
            };
            !session.is_over(now) && operators.iter().any(is_same)
        });
        let session = inner.open.iter_mut().find(|session| bool::from(session.token.ct_eq(&token)))?;
        if is_active {
            session.seen = now;
        }
        let Operator { name, may_act, .. } = session.operator.clone();
        Some(Guest { name, may_act, form: session.form.clone() })
    }

    /// Ends a session.
    pub(super) fn sign_out(&self, token: &str) {
        let token = digest(token);
        self.inner().open.retain(|session| session.token != token);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        let since = |then: Timestamp| now.duration_since(then).unsigned_abs();
        since(self.begun) > LASTS || since(self.seen) > IDLE
    }
}

impl Guest {
    /// Whether a form was made for this session.
    pub(super) fn made(&self, form: &str) -> bool {
        self.form.as_bytes().ct_eq(form.as_bytes()).into()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// 256 bits; `None` where the system has no randomness.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operators() -> Vec<Operator> {
        vec![Operator { name: "ops".to_owned(), hash: digest("right"), may_act: true }]
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_operator() {
        let (sessions, noon) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        let sign_in = || sessions.sign_in(&operators(), "right", noon).ok().expect("the key is right");
        let token = sign_in();
        assert!(sessions.guest(&operators(), "another", true, noon).is_none());
        let guest = sessions.guest(&operators(), &token, true, noon).expect("signed in");
        assert!(guest.may_act && guest.made(&guest.form) && !guest.made(""));
        let later = noon + IDLE;
        assert!(sessions.guest(&operators(), &token, false, later).is_some(), "nobody did anything");
        let later = later + Duration::from_secs(1);
        assert!(sessions.guest(&operators(), &token, true, later).is_none());
        let token = sign_in();
        assert!(sessions.guest(&[], &token, true, noon).is_none(), "its key was taken out");
        let token = sign_in();
        sessions.sign_out(&token);
        assert!(sessions.guest(&operators(), &token, true, noon).is_none());
    }

    #[test]
    fn whoever_guesses_has_to_wait() {
        let (sessions, noon) = (Sessions::default(), Timestamp::UNIX_EPOCH);
        for _ in 0..WRONG_MAX {
            assert!(matches!(sessions.sign_in(&operators(), "wrong", noon), Err(Refused::Wrong)));
        }
        assert!(matches!(sessions.sign_in(&operators(), "right", noon), Err(Refused::TooMany)));
        assert!(sessions.sign_in(&operators(), "right", noon + WRONG_IN).is_ok());
    }
}
