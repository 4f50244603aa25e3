//! The key that checkpoints are signed with, which also gives the gateway its name and hides what is personal.
//! Not the store's business where it lies: the configuration says.

use super::chain::Hash;
use crate::secrets::Secret;
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the key of keyed hashes is derived with.
const PERSONAL: &[u8] = b"xceed-gateway audit: personal fields";
/// A key, in words for an error message.
const RULE: &str = "must hold 64 hexadecimal digits, the seed of an Ed25519 key; \
                    without the file, the next start makes one";
/// Nobody else reads it.
const MODE: u32 = 0o600;

/// A public key, as checkpoints name it.
pub type Public = [u8; 32];

/// Where the key comes from.
#[derive(Clone, Debug)]
pub enum KeySettings {
    /// A file, made at the first start where it is missing.
    File(PathBuf),
    /// The environment.
    Held(Secret),
}

/// The gateway's own key.
pub struct Key {
    pair: Ed25519KeyPair,
    personal: hmac::Key,
    public: Public,
    gateway: String,
}

impl Key {
    /// Reads the key; `None` where its file is not there.
    ///
    /// # Errors
    /// It can't be read, or is none.
    pub fn read(source: &KeySettings) -> Result<Option<Self>, String> {
        let (text, place) = match source {
            KeySettings::Held(secret) => (secret.clone(), "audit.signing_key".to_owned()),
            KeySettings::File(file) => match fs::read_to_string(file) {
                Ok(text) if text.is_empty() => return Ok(None),
                Ok(text) => (Secret::new(text), file.display().to_string()),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(format!("{}: can't be read ({error})", file.display())),
            },
        };
        Self::of(text.expose().trim()).map(Some).ok_or_else(|| format!("{place}: {RULE}"))
    }

    /// Reads the key, or makes it where it is missing.
    ///
    /// # Errors
    /// It can't be read or made, or is none.
    pub fn open(source: &KeySettings) -> Result<Self, String> {
        if let Some(key) = Self::read(source)? {
            return Ok(key);
        }
        let KeySettings::File(file) = source else { return Err(format!("audit.signing_key: {RULE}")) };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| error.to_string())?;
        let text = Secret::new(hex::encode(seed));
        make(file, text.expose()).map_err(|error| {
            format!(
                "{}: the key of the audit trail can't be made there ({error}); \
                 let the gateway write in that folder, or name another: [audit] signing_key = {{ file = \"…\" }}",
                file.display()
            )
        })?;
        Self::of(text.expose()).ok_or_else(|| RULE.to_owned())
    }

    /// The key with this seed, in hexadecimal digits.
    pub fn of(seed: &str) -> Option<Self> {
        let seed: [u8; 32] = hex::decode(seed).ok()?.try_into().ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        let public: Public = pair.public_key().as_ref().try_into().ok()?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &seed), PERSONAL);
        let personal = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Some(Self { pair, personal, public, gateway: gateway_of(&public) })
    }

    /// The gateway's name: the first 16 digits of the public key's SHA-256.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The public key, which auditors keep.
    pub fn public(&self) -> Public {
        self.public
    }

    /// Signs a text.
    pub fn sign(&self, text: &str) -> String {
        hex::encode(self.pair.sign(text.as_bytes()))
    }

    /// A short name for a personal value, for logs: the first 16 digits of what [`Self::hide`] makes of it.
    pub fn name(&self, what: &str, value: &str) -> String {
        let mut digits = hex::encode(self.hide(what, value.as_bytes()));
        digits.truncate(16);
        digits
    }

    /// What stands for a personal value: the same for the same value, and of no use to who has not the key.
    pub fn hide(&self, what: &str, value: &[u8]) -> Hash {
        let mut context = hmac::Context::with_key(&self.personal);
        context.update(what.as_bytes());
        context.update(b"\n");
        context.update(value);
        context.sign().as_ref().try_into().unwrap_or_default()
    }
}

/// The name of the gateway that has this public key.
pub fn gateway_of(public: &Public) -> String {
    let mut digits = hex::encode(Sha256::digest(public));
    digits.truncate(16);
    digits
}

/// Whether the signature is this key's, for this text.
pub(super) fn is_signed(public: &Public, text: &str, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), signature).is_ok()
}

/// Writes the file so that nobody else ever reads it. One that is there and empty was left by a crash.
fn make(file: &Path, text: &str) -> std::io::Result<()> {
    let folder =
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let mut open = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(file)?;
    open.write_all(format!("{text}\n").as_bytes())?;
    open.sync_all()?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first key of RFC 8032, section 7.1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn a_seed_gives_the_public_key_and_signature_of_the_standard() {
        let key = Key::of(SEED).expect("a seed");
        assert_eq!(hex::encode(key.public()), PUBLIC);
        let signature = key.sign("");
        assert_eq!(
            signature,
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b"
        );
        let signature = hex::decode(signature).expect("digits");
        assert!(is_signed(&key.public(), "", &signature));
        assert!(!is_signed(&key.public(), " ", &signature));
    }

    #[test]
    fn what_is_no_seed_is_no_key() {
        for bad in ["", "9d61", &SEED[1..], &format!("{SEED}00"), &SEED.replace('9', "g")] {
            assert!(Key::of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_personal_value_is_hidden_by_key_and_kind() {
        let (key, other) = (Key::of(SEED).expect("a seed"), Key::of(PUBLIC).expect("a seed"));
        let hidden = key.hide("customer", b"C-1001");
        let digits = hex::encode(hidden);
        // printf '%s' 'xceed-gateway audit: personal fields' | openssl dgst -sha256 -mac hmac -macopt hexkey:SEED, and
        // the same of 'customer', a line feed and 'C-1001' with what comes out.
        assert_eq!(digits, "e50372eb853398146d0b5ec606e331578c084f0fc0004f40bce8833ab18b5694");
        assert_eq!(hidden, key.hide("customer", b"C-1001"));
        assert_ne!(hidden, key.hide("account", b"C-1001"));
        assert_ne!(hidden, other.hide("customer", b"C-1001"));
    }
}
