//! The chain: each entry's hash covers its text and the hash before it, so that no entry can be changed, put in or
//! taken out without changing every hash behind it. Each gateway has a chain of its own, counted from 1.

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// What stands before the first entry.
pub const NOTHING: Hash = [0; 32];

/// The place and the hash of an entry; before the first, 0 and [`NOTHING`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub n: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// Before the first entry.
    pub const START: Self = Self { n: 0, hash: NOTHING };
}

/// An entry, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose chain it is in.
    pub gateway: String,
    /// Its number in the chain.
    pub n: i64,
    /// The hash of the entry before.
    pub before: Hash,
    /// Its text.
    pub body: String,
    /// SHA-256 over the hash before in hexadecimal digits, a line feed, and the text.
    pub hash: Hash,
}

impl Entry {
    /// Its place.
    pub fn head(&self) -> Head {
        Head { n: self.n, hash: self.hash }
    }

    /// Whether its hash is that of its text.
    pub fn is_whole(&self) -> bool {
        hash(&self.before, &self.body) == self.hash
    }

    /// Whether its text says that it is this entry.
    pub fn says_so(&self) -> bool {
        self.body.starts_with(&opening(&self.gateway, self.n))
    }
}

/// How a text begins.
pub(super) fn opening(gateway: &str, n: i64) -> String {
    format!("{{\"gateway\":\"{gateway}\",\"n\":{n},")
}

/// A hash in hexadecimal digits, without a place of its own in memory: each entry has several.
pub(super) struct Digits([u8; 64]);

impl Digits {
    pub(super) fn of(hash: &Hash) -> Self {
        let mut digits = [b'0'; 64];
        // There is room for as many.
        let _ = hex::encode_to_slice(hash, &mut digits);
        Self(digits)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The hash of an entry.
pub fn hash(before: &Hash, body: &str) -> Hash {
    let mut sum = Sha256::new();
    sum.update(Digits::of(before).as_str());
    sum.update(b"\n");
    sum.update(body.as_bytes());
    sum.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_the_hashes_that_another_tool_gives_it() {
        // Python: h = "0" * 64; h = hashlib.sha256((h + "\n" + body).encode()).hexdigest(), body by body.
        let bodies = [
            (
                "{\"gateway\":\"21fe31dfa154a261\",\"n\":1,\"kind\":\"start\"}",
                "fe03bf432b34b7cdc3356e38c2a5c2e9e4a5f116d83ae6f96a02fd90fc58bc3f",
            ),
            (
                "{\"gateway\":\"21fe31dfa154a261\",\"n\":2,\"eventId\":\"e-1\",\"note\":\"Zoë €5 😀\"}",
                "a8a12f87466834b92600443fe357388a4b0848f2089750a1591b98fe6b7f951c",
            ),
        ];
        let mut head = Head::START;
        for (body, expected) in bodies {
            let sum = hash(&head.hash, body);
            assert_eq!(hex::encode(sum), expected);
            let entry = Entry {
                gateway: "21fe31dfa154a261".into(),
                n: head.n + 1,
                before: head.hash,
                body: body.to_owned(),
                hash: sum,
            };
            assert!(entry.is_whole() && entry.says_so());
            assert!(!Entry { before: sum, ..entry.clone() }.is_whole());
            assert!(!Entry { n: 7, ..entry.clone() }.says_so());
            head = entry.head();
        }
    }
}
