//! Certificates and keys as PEM. What is wrong is told in words that say what to do, never with what stands there.

use super::validity::validity;
use jiff::Timestamp;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use zeroize::Zeroizing;

/// A certificate with the chain up to its authority, and its private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    /// As it was given, wiped when dropped.
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// Reads both; that they belong together is found out by whoever uses them.
    ///
    /// # Errors
    /// One of them is not there, or is no PEM; in words.
    pub fn read(certificates: &[u8], key: Vec<u8>) -> Result<Self, String> {
        let identity = Self { chain: roots(certificates)?, key: Zeroizing::new(key) };
        identity.private_key()?;
        Ok(identity)
    }

    /// Until when its own certificate is valid, where that can be read.
    pub fn valid_until(&self) -> Option<Timestamp> {
        Some(validity(self.chain.first()?)?.1)
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            Error::NoItemsFound if is_encrypted(&self.key) => {
                "the key is encrypted; take the passphrase off: openssl pkey -in key.pem -out plain.pem"
                    .to_owned()
            }
            Error::NoItemsFound => "holds no private key as PEM (-----BEGIN PRIVATE KEY-----)".to_owned(),
            _ => "is no valid PEM".to_owned(),
        })
    }
}

fn is_encrypted(key: &[u8]) -> bool {
    key.windows(9).any(|window| window == b"ENCRYPTED")
}

/// Reads certificates, one at least.
///
/// # Errors
/// There is none, or it is no PEM; in words.
pub fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err("holds no certificate as PEM (-----BEGIN CERTIFICATE-----)".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(_) => Err("is no valid PEM; was it written to the end?".to_owned()),
    }
}
