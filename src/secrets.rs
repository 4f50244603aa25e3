//! Secrets: what is signed with and never shown. Wiped from memory when dropped.

use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for signing alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A name by which a secret is known in the store: the first 16 digits of its SHA-256.
    pub fn fingerprint(&self) -> String {
        let mut digits = hex::encode(Sha256::digest(self.0.as_bytes()));
        digits.truncate(16);
        digits
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let secret = Secret::new("311a5439c8bda8ef".into());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.fingerprint().len(), 16);
    }
}
