//! A tenant's link to Xceed: who it is there, what it signs with, which schema set it fills.

use super::mapping::Mapping;
use super::operations::{ApiSet, Values};
use super::schema::SchemaSet;
use crate::application::ports::Message;
use crate::domain::event::Members;
use crate::domain::identifiers::TenantName;
use crate::secrets::Secret;
use crate::tls::{ClientSettings, is_safe};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

/// A tenant's link as it is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where requests go.
    pub url: String,
    /// Issued by the vendor.
    pub platform_id: String,
    /// Issued by the vendor.
    pub service_id: String,
    /// What requests are signed with.
    pub secret_key: Secret,
    /// What they are signed with once Xceed refuses the other.
    pub secret_key_next: Option<Secret>,
    /// The channel's word, unless the event's type has its own.
    pub channel: String,
    /// Channels by event type.
    pub channels: BTreeMap<String, String>,
    /// The schema set.
    pub schema: String,
    /// How long one attempt may take, from looking for a connection to the last byte of the answer.
    pub attempt_timeout: Duration,
    /// Whom is trusted to be Xceed, and who the gateway is to it.
    pub tls: ClientSettings,
}

/// A schema set with its mapping.
#[derive(Debug)]
pub struct Version {
    /// The XSDs.
    pub set: SchemaSet,
    /// How payloads are filled.
    pub mapping: Mapping,
}

/// A tenant's link, in use.
#[derive(Debug)]
pub struct Link {
    pub(super) settings: Settings,
    pub(super) version: Arc<Version>,
    pub(super) api: Arc<ApiSet>,
    promoted: AtomicBool,
}

impl Link {
    /// A link. `promoted_key` is the fingerprint of the secret key that Xceed was last known to have moved to.
    pub fn new(
        settings: Settings,
        version: Arc<Version>,
        api: Arc<ApiSet>,
        promoted_key: Option<&str>,
    ) -> Self {
        let next = settings.secret_key_next.as_ref().map(Secret::fingerprint);
        let promoted = AtomicBool::new(next.is_some() && next.as_deref() == promoted_key);
        Self { settings, version, api, promoted }
    }

    /// The channel of an event type: the same word in the payload, the request and the hash.
    pub fn channel(&self, event_type: &str) -> &str {
        self.settings.channels.get(event_type).unwrap_or(&self.settings.channel)
    }

    /// The members that an event may have.
    pub fn members(&self) -> &Members {
        self.version.mapping.members()
    }

    /// The key to sign with.
    pub(super) fn key(&self) -> &Secret {
        match &self.settings.secret_key_next {
            Some(next) if self.promoted.load(SeqCst) => next,
            _ => &self.settings.secret_key,
        }
    }

    /// The key to try where the first is refused.
    pub(super) fn next_key(&self) -> Option<&Secret> {
        self.settings.secret_key_next.as_ref().filter(|_| !self.promoted.load(SeqCst))
    }

    /// Signs with the next key from now on.
    pub(super) fn promote(&self) {
        self.promoted.store(true, SeqCst);
    }

    /// The key that Xceed has moved to, by fingerprint, where it has.
    pub fn promoted_key(&self) -> Option<String> {
        let next = self.settings.secret_key_next.as_ref().filter(|_| self.promoted.load(SeqCst));
        next.map(Secret::fingerprint)
    }

    /// Whether the other would do the very same.
    pub fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings
            && Arc::ptr_eq(&self.version, &other.version)
            && Arc::ptr_eq(&self.api, &other.api)
    }

    /// What fills a request, signed with that key.
    pub(super) fn values<'a>(&'a self, message: &'a Message, key: &'a Secret) -> Values<'a> {
        Values {
            platform_id: &self.settings.platform_id,
            service_id: &self.settings.service_id,
            channel: &message.channel,
            secret_key: key.expose(),
            payload: &message.payload,
            response_required: message.response_required,
            num_events: "1",
            callback_id: message.callback_id.as_deref().unwrap_or_default(),
        }
    }

    /// What fills a request for many events, signed with the key of the hour.
    pub(super) fn chunk_values<'a>(
        &'a self,
        channel: &'a str,
        payload: &'a str,
        num_events: &'a str,
    ) -> Values<'a> {
        Values {
            platform_id: &self.settings.platform_id,
            service_id: &self.settings.service_id,
            channel,
            secret_key: self.key().expose(),
            payload,
            response_required: false,
            num_events,
            callback_id: "",
        }
    }

    /// The keys that Xceed may sign a callback with.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Secret> {
        self.settings.keys()
    }
}

impl Settings {
    /// Everything that is wrong with the link itself: the field, and what to write instead. The values are signed one
    /// behind the other without separators, so each has a form that the next can't be mistaken for.
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if !is_safe(&self.url) {
            faults.push(("url", "must be an https address; plain http is for loopback addresses alone"));
        }
        if !is_made_of(&self.platform_id, 1, 10, |b| b.is_ascii_digit()) {
            faults.push(("platform_id", "must be 1 to 10 digits, as issued by the vendor"));
        }
        if !is_made_of(&self.service_id, 1, 12, |b| b.is_ascii_digit()) {
            faults.push(("service_id", "must be 1 to 12 digits, as issued by the vendor"));
        }
        let is_channel = |word: &str| is_made_of(word, 1, 32, |b| b.is_ascii_alphabetic());
        if !is_channel(&self.channel) {
            faults.push(("channel", "must be 1 to 32 letters, such as Wire"));
        }
        if !self.channels.values().all(|word| is_channel(word)) {
            faults.push(("channels", "must map event types to channels of 1 to 32 letters"));
        }
        let is_key =
            |key: &Secret| is_made_of(key.expose(), 16, 64, |b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let key_rule = "must be 16 to 64 of the digits 0-9a-f, as issued by the vendor; \
                        look for a space or a line break around it";
        if !is_key(&self.secret_key) {
            faults.push(("secret_key", key_rule));
        }
        if self.secret_key_next.as_ref().is_some_and(|key| !is_key(key)) {
            faults.push(("secret_key_next", key_rule));
        }
        faults
    }

    /// What stands before the secret in each signature.
    fn prefixes(&self) -> impl Iterator<Item = String> {
        let channels = std::iter::once(&self.channel).chain(self.channels.values());
        channels.map(|channel| format!("{}{}{channel}", self.platform_id, self.service_id))
    }

    fn keys(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.secret_key).chain(&self.secret_key_next)
    }

    fn shares_a_key(&self, other: &Self) -> bool {
        self.keys().any(|key| other.keys().any(|other| other.expose() == key.expose()))
    }

    /// Whether one begins like the other up to the end of its secret: an event's id in a callback could then be read as
    /// the rest of a secret.
    fn begins_like(&self, other: &Self) -> bool {
        let same = |(prefix, key): (&str, &Secret), (other_prefix, other_key): (&str, &Secret)| {
            let text = prefix.bytes().chain(key.expose().bytes());
            text.zip(other_prefix.bytes().chain(other_key.expose().bytes())).all(|(one, two)| one == two)
        };
        self.prefixes().any(|prefix| {
            other.prefixes().any(|other_prefix| {
                self.keys().any(|key| other.keys().any(|other| same((&prefix, key), (&other_prefix, other))))
            })
        })
    }
}

fn is_made_of(text: &str, min: usize, max: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(allowed)
}

/// Pairs of tenants whose messages could be taken for each other's: what is signed before the secret is equal, or one
/// begins with the other under the same secret, or with the secrets at their ends.
pub fn collisions(links: &[(&TenantName, &Settings)]) -> Vec<String> {
    let mut found = Vec::new();
    for (n, (name, link)) in links.iter().enumerate() {
        for (other_name, other) in &links[n + 1..] {
            let same_key = link.shares_a_key(other);
            let mix = |a: &String, b: &String| a == b || (same_key && (a.starts_with(b) || b.starts_with(a)));
            if link.prefixes().any(|a| other.prefixes().any(|b| mix(&a, &b))) || link.begins_like(other) {
                found.push(format!(
                    "tenants {name} and {other_name}: platform_id, service_id and channel read the same when they \
                     are signed, so one's message could pass for the other's; check the ids that the vendor issued"
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(platform_id: &str, service_id: &str, channel: &str, key: &str) -> Settings {
        Settings {
            url: "http://127.0.0.1:9/xceed".into(),
            platform_id: platform_id.into(),
            service_id: service_id.into(),
            secret_key: Secret::new(key.into()),
            secret_key_next: None,
            channel: channel.into(),
            channels: BTreeMap::new(),
            schema: "1.0".into(),
            attempt_timeout: Duration::from_secs(5),
            tls: ClientSettings::default(),
        }
    }

    const KEY: &str = "311a5439c8bda8ef";
    const OTHER_KEY: &str = "0123456789abcdef";

    #[test]
    fn tenants_that_read_the_same_are_refused() {
        let (a, b) = (TenantName::new("a"), TenantName::new("b"));
        let collide = |one: &Settings, two: &Settings| collisions(&[(&a, one), (&b, two)]).len();
        let one = link("3", "210021", "Wire", KEY);
        assert_eq!(collide(&one, &link("32", "10021", "Wire", OTHER_KEY)), 1, "equal under any secret");
        assert_eq!(collide(&one, &link("3", "210021", "WireX", KEY)), 1, "a prefix under the same secret");
        assert_eq!(collide(&one, &link("3", "210021", "WireX", OTHER_KEY)), 0);
        assert_eq!(collide(&one, &link("3", "210022", "Wire", KEY)), 0);
        let shifted = link("3", "210021", "Wirea", "bcdef01234567890");
        assert_eq!(
            collide(&link("3", "210021", "Wire", "abcdef01234567890"), &shifted),
            1,
            "with the secrets"
        );
        assert_eq!(
            collide(&link("3", "210021", "Wire", "abcdef0123456789"), &shifted),
            1,
            "as far as the shorter goes"
        );
        assert_eq!(collide(&link("3", "210021", "Wire", "abcdef0123456780"), &shifted), 0);
        let mut by_type = link("3", "210022", "Wire", KEY);
        by_type.channels.insert("ACHTransfer".into(), "ACH".into());
        assert_eq!(collide(&link("3", "210022", "ACH", OTHER_KEY), &by_type), 1);
    }

    #[test]
    fn each_value_has_its_form() {
        assert!(link("3", "210021", "Wire", KEY).faults().is_empty());
        let faults = link("3a", "", "Wire 1", "311A5439C8BDA8EF").faults();
        let fields: Vec<_> = faults.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["platform_id", "service_id", "channel", "secret_key"]);
        assert_eq!(link("3", "210021", "Wire", "311a5439c8bda8ef\n").faults().len(), 1);
    }
}
