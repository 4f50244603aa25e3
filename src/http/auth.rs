//! Who calls: API keys, known by their SHA-256 alone and compared in constant time.

use super::doors::doors;
use super::problem::Problem;
use crate::domain::identifiers::TenantName;
use crate::telemetry;
use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Submits events and asks what became of them.
    Caller,
    /// Looks after deliveries.
    Operator,
    /// Reads.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Caller, Self::Operator, Self::Auditor];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }
}

/// One key: whose it is and what it may do.
#[derive(Clone, Debug)]
pub struct Key {
    /// A name for logs.
    pub name: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// The tenant.
    pub tenant: TenantName,
    /// What it may do.
    pub roles: Vec<Role>,
    /// From when on it may, where that is not always.
    pub not_before: Option<Timestamp>,
    /// Until when.
    pub not_after: Option<Timestamp>,
}

impl Key {
    /// Why it may do nothing at that time.
    fn refusal(&self, now: Timestamp) -> Option<&'static str> {
        let (early, late) = (self.not_before, self.not_after);
        let early = early.filter(|from| now < *from).map(|_| "this API key is not valid yet (not_before)");
        early.or_else(|| late.filter(|to| *to < now).map(|_| "this API key has expired (not_after)"))
    }
}

/// Whoever may look at the console.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Whose key it is, as the audit trail will say.
    pub name: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
    /// Whether more than to look.
    pub may_act: bool,
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub struct Keys(pub Vec<Arc<Key>>);

impl Keys {
    /// Whether a key that was found before is still there, for the same tenant and with the same roles, and has not expired.
    pub(super) fn have(&self, key: &Key) -> bool {
        let now = telemetry::now();
        let is_same =
            |other: &Key| (&other.hash, &other.tenant, &other.roles) == (&key.hash, &key.tenant, &key.roles);
        self.0.iter().any(|other| is_same(other) && other.refusal(now).is_none())
    }

    /// The key with this text. Every key is compared to the end, so the time taken tells nothing.
    fn find(&self, text: &str) -> Option<&Arc<Key>> {
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        self.0
            .iter()
            .fold(None, |found, key| if bool::from(key.hash.ct_eq(&hash)) { Some(key) } else { found })
    }
}

/// SHA-256 of a key's text, as the configuration has it: `sha256:` and 64 hexadecimal digits.
pub fn hash_of(key: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(key.as_bytes())))
}

/// Reads a hash as the configuration has it.
pub fn read_hash(text: &str) -> Option<[u8; 32]> {
    hex::decode(text.strip_prefix("sha256:")?).ok()?.try_into().ok()
}

/// The key that the call carries, where it has one of the roles.
pub(super) fn authorize(request: &HttpRequest, roles: &[Role]) -> Result<Arc<Key>, Problem> {
    let text = presented(request).ok_or_else(|| {
        let detail = "send an API key: Authorization: Bearer <key>, or X-Api-Key: <key>";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "No API key", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer")
    })?;
    let key = doors(request).and_then(|doors| doors.keys.find(text).cloned()).ok_or_else(|| {
        let detail = "this API key is not known; `xceed-gateway key` makes one and says where its hash goes";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unknown API key", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer")
    })?;
    if let Some(detail) = key.refusal(telemetry::now()) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not this time", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer"));
    }
    if key.roles.iter().any(|role| roles.contains(role)) {
        return Ok(key);
    }
    let wanted: Vec<_> = roles.iter().map(|role| role.name()).collect();
    let detail = format!("this call needs a key with the role {}", wanted.join(" or "));
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "A key without the role", detail))
}

fn presented(request: &HttpRequest) -> Option<&str> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let bearer = header("Authorization").and_then(|value| value.split_once(' '));
    let bearer =
        bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    bearer.or_else(|| header("X-Api-Key")).filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_time() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let key = Key {
            name: "desk".into(),
            hash: [0; 32],
            tenant: TenantName::new("bank"),
            roles: vec![Role::Caller],
            not_before: Some(at(10)),
            not_after: Some(at(20)),
        };
        assert!(key.refusal(at(9)).is_some_and(|why| why.contains("not_before")));
        assert!(key.refusal(at(10)).is_none() && key.refusal(at(20)).is_none());
        assert!(key.refusal(at(21)).is_some_and(|why| why.contains("not_after")));
    }

    #[test]
    fn a_key_is_found_by_its_hash_alone() {
        let hash = read_hash(&hash_of("secret")).expect("a hash");
        let key = Key {
            name: "desk".into(),
            hash,
            tenant: TenantName::new("bank"),
            roles: vec![Role::Caller],
            not_before: None,
            not_after: None,
        };
        let keys = Keys(vec![Arc::new(Key { hash: [0; 32], ..key.clone() }), Arc::new(key)]);
        assert!(keys.find("secret").is_some());
        assert!(keys.find("Secret").is_none() && keys.find("").is_none());
        for bad in ["", "sha256:", "sha256:00", &hex::encode([0; 32])] {
            assert!(read_hash(bad).is_none(), "{bad}");
        }
    }
}
