//! Identifiers, each a type of its own; what names a person masks itself in `Debug`.

use std::fmt;
use std::sync::Arc;

/// The longest event id, and the longest id of a customer, an account, a session, in characters.
pub const ID_LENGTH_MAX: usize = 128;

/// The caller's name for one event, unique per tenant: 1 to 128 of `A-Z a-z 0-9 . _ : ~ -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EventId(Arc<str>);

impl EventId {
    /// What an event id may look like, in words for an error message.
    pub const RULE: &str = "1 to 128 of the characters A-Z a-z 0-9 . _ : ~ -";

    /// Reads an event id; `None` where the text breaks [`Self::RULE`].
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:~-".contains(&b);
        let fits = !text.is_empty() && text.len() <= ID_LENGTH_MAX && text.bytes().all(allowed);
        fits.then(|| Self(text.into()))
    }

    /// The id as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bank's name for a person: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CustomerId(Arc<str>);

impl CustomerId {
    /// Any text that is not blank.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id itself, for the store and the payload alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerId(…)")
    }
}

/// What tells of a person, such as an account or a phone number: never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal(Arc<str>);

impl Personal {
    /// Any text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, to be hashed alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

/// A tenant's name as the configuration has it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// Names come from configuration keys, so any text is one.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_1_to_128_of_its_alphabet() {
        for good in ["a", "7f9c.A_:~-", &"x".repeat(128)] {
            assert!(EventId::parse(good).is_some(), "{good}");
        }
        for bad in ["", " ", "a b", "ä", "a/b", "a\n", &"x".repeat(129)] {
            assert!(EventId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_customer_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", CustomerId::new("C-1001")), "CustomerId(…)");
        assert_eq!(format!("{:?}", Personal::new("+15550100")), "Personal(…)");
    }
}
