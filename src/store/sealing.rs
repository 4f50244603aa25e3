//! Payloads at rest are sealed where a key is given (AES-256-GCM): whoever has the database alone can't read them. Each is bound
//! to its tenant and event, and says which key it needs, so that keys can be changed; what was recorded in the clear stays
//! readable. What the gateway itself searches by (ids, the customer, times, codes) is not sealed.

use crate::application::ports::{Claimed, Delivery, Record, StoreError};
use crate::secrets::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use zeroize::Zeroizing;

/// What a sealed payload begins with; no document does.
const MARK: &str = "sealed:1:";

/// The keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealingSettings {
    /// What payloads are sealed with from now on; in the clear where it is absent. 64 hexadecimal digits.
    pub key: Option<Secret>,
    /// What they were sealed with before.
    pub old: Option<Secret>,
}

impl SealingSettings {
    /// Whether a text is such a key.
    pub fn is_key(text: &Secret) -> bool {
        text.expose().len() == 64 && text.expose().bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

struct Key {
    /// The first 8 digits of its SHA-256.
    name: String,
    key: LessSafeKey,
}

impl Key {
    fn of(secret: &Secret) -> Result<Self, StoreError> {
        let bytes = hex::decode(secret.expose()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| StoreError("the encryption key is not hexadecimal".to_owned()))?;
        let mut name = hex::encode(Sha256::digest(&*bytes));
        name.truncate(8);
        let key = UnboundKey::new(&AES_256_GCM, &bytes);
        let key = key.map_err(|_| StoreError("the encryption key has not 32 bytes".to_owned()))?;
        Ok(Self { name, key: LessSafeKey::new(key) })
    }
}

/// Seals and opens payloads; without a key everything is in the clear.
#[derive(Default)]
pub(super) struct Sealer {
    /// The first seals, where the first is there; all of them open.
    keys: Vec<Key>,
    seals: bool,
    /// That something can't be opened.
    is_told: AtomicBool,
}

impl Sealer {
    pub(super) fn of(settings: &SealingSettings) -> Result<Self, StoreError> {
        let keys = settings.key.iter().chain(&settings.old).map(Key::of).collect::<Result<_, _>>()?;
        Ok(Self { keys, seals: settings.key.is_some(), is_told: AtomicBool::new(false) })
    }

    /// A record as it goes to the disk.
    pub(super) fn seal(&self, record: Record) -> Record {
        let Some(key) = self.keys.first().filter(|_| self.seals) else { return record };
        let mut prepared = (*record.prepared).clone();
        let message = &mut prepared.message;
        let bound = bound(record.tenant.as_str(), message.event_id.as_str());
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the system has randomness");
        let mut text = message.payload.as_bytes().to_vec();
        let sealing = Nonce::assume_unique_for_key(nonce);
        key.key
            .seal_in_place_append_tag(sealing, Aad::from(bound), &mut text)
            .expect("a payload is not that long");
        let sealed = STANDARD_NO_PAD.encode([&nonce[..], &text].concat());
        message.payload = format!("{MARK}{}:{sealed}", key.name).into();
        Record { prepared: Arc::new(prepared), ..record }
    }

    /// A delivery as it was before it went to the disk.
    fn open_delivery(&self, mut delivery: Delivery) -> Result<Delivery, StoreError> {
        let message = &delivery.message;
        if message.payload.starts_with(MARK) {
            let (tenant, id) = (delivery.tenant.as_str(), message.event_id.as_str());
            delivery.message.payload = self.open_text(tenant, id, &message.payload)?.into();
        }
        Ok(delivery)
    }

    /// A payload as it was before it went to the disk.
    ///
    /// # Errors
    /// Its key is not there, or it is another event's.
    pub(super) fn open_text(
        &self,
        tenant: &str,
        event_id: &str,
        payload: &str,
    ) -> Result<String, StoreError> {
        let Some(sealed) = payload.strip_prefix(MARK) else { return Ok(payload.to_owned()) };
        let (name, sealed) = sealed.split_once(':').unwrap_or_default();
        let key = self.key(name)?;
        let broken = || StoreError(format!("a payload that was sealed with the key {name} can't be opened"));
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| broken())?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let bound = bound(tenant, event_id);
        let mut text = text.to_vec();
        let opened = key.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), &mut text);
        let opened = opened.ok().and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(broken)?;
        Ok(opened.to_owned())
    }

    /// The same for what was claimed. What can't be opened waits, and keeps no other from leaving.
    pub(super) fn open(&self, claimed: Claimed) -> Claimed {
        let Claimed::Mine(delivery) = claimed else { return claimed };
        match self.open_delivery(*delivery) {
            Ok(delivery) => Claimed::Mine(Box::new(delivery)),
            Err(error) => {
                if !self.is_told.swap(true, Relaxed) {
                    tracing::error!(%error, "deliveries wait for their key");
                }
                Claimed::Later
            }
        }
    }

    /// Whether the newest payload of a store can be opened.
    ///
    /// # Errors
    /// Its key is not there; in words that say what to do.
    pub(super) fn check(&self, newest: Option<&str>) -> Result<(), StoreError> {
        let sealed = newest.and_then(|payload| payload.strip_prefix(MARK));
        let Some((name, _)) = sealed.and_then(|sealed| sealed.split_once(':')) else { return Ok(()) };
        self.key(name).map(drop)
    }

    fn key(&self, name: &str) -> Result<&Key, StoreError> {
        self.keys.iter().find(|key| key.name == name).ok_or_else(|| {
            StoreError(format!(
                "payloads in it are sealed with a key whose SHA-256 begins with {name}; name it as store.encryption_key, or as \
                 store.encryption_key_old beside a new one"
            ))
        })
    }
}

/// What a sealed payload belongs to: nothing else opens with it.
fn bound(tenant: &str, event_id: &str) -> Vec<u8> {
    [tenant.as_bytes(), b"\0", event_id.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::ports::{Message, Mode, Prepared};
    use crate::domain::event::{Facts, Tier, Traces};
    use crate::domain::field::Fingerprint;
    use crate::domain::going_back::Back;
    use crate::domain::identifiers::{EventId, TenantName};
    use jiff::Timestamp;

    const PAYLOAD: &str = "<Events><n>Zoë</n></Events>";

    fn secret(digit: &str) -> Option<Secret> {
        Some(Secret::new(digit.repeat(64)))
    }

    fn sealer(key: Option<Secret>, old: Option<Secret>) -> Sealer {
        Sealer::of(&SealingSettings { key, old }).expect("keys")
    }

    fn message(payload: &str) -> Message {
        Message {
            event_id: EventId::parse("e-1").expect("an id"),
            channel: "Wire".into(),
            payload: payload.into(),
            response_required: true,
            callback_id: None,
        }
    }

    fn facts() -> Facts {
        Facts { event_type: "Login".into(), customer: None, tier: Tier::Other, amount: None }
    }

    fn sealed(sealer: &Sealer) -> String {
        let prepared = Prepared {
            facts: facts(),
            traces: Traces::default(),
            message: message(PAYLOAD),
            schema: "1.0".into(),
            defaulted: vec![],
        };
        let record = Record {
            seq: 1,
            tenant: TenantName::new("bank"),
            idempotency_key: None,
            fingerprint: Fingerprint([0; 32]),
            mode: Mode::Sync,
            received_at: Timestamp::UNIX_EPOCH,
            prepared: Arc::new(prepared),
            begun: false,
            told: None,
            decided: None,
            check: None,
            back: Back(vec![]),
            batch: None,
        };
        sealer.seal(record).prepared.message.payload.to_string()
    }

    fn opened(sealer: &Sealer, tenant: &str, payload: &str) -> Result<String, String> {
        let delivery = Delivery {
            tenant: TenantName::new(tenant),
            message: message(payload),
            facts: facts(),
            fingerprint: Fingerprint([0; 32]),
            mode: Mode::Sync,
            defaulted: vec![],
            received_at: Timestamp::UNIX_EPOCH,
            attempts_left: 0,
            due: Timestamp::UNIX_EPOCH,
            awaits_callback: false,
            begun: false,
            told: false,
            decided: false,
        };
        sealer
            .open_delivery(delivery)
            .map(|open| open.message.payload.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_sealed_is_opened_for_the_same_event_alone() {
        let sealer = sealer(secret("a"), None);
        let (one, other) = (sealed(&sealer), sealed(&sealer));
        assert!(
            one.starts_with(MARK) && !one.contains(PAYLOAD) && !one.contains('<') && one != other,
            "{one}"
        );
        assert_eq!(opened(&sealer, "bank", &one).as_deref(), Ok(PAYLOAD));
        assert!(opened(&sealer, "other", &one).is_err());
        let broken = one.replace(&one[one.len() - 4..], "AAAA");
        assert!(opened(&sealer, "bank", &broken).is_err());
        assert!(opened(&sealer, "bank", "sealed:1:").is_err());
    }

    #[test]
    fn keys_change_and_what_was_in_the_clear_stays_readable() {
        let (first, second) = (sealer(secret("a"), None), sealer(secret("b"), secret("a")));
        let before = sealed(&first);
        assert_eq!(opened(&second, "bank", &before).as_deref(), Ok(PAYLOAD));
        assert_eq!(opened(&second, "bank", PAYLOAD).as_deref(), Ok(PAYLOAD));
        assert!(opened(&sealer(None, secret("b")), "bank", &sealed(&second)).is_ok());
        assert_eq!(sealed(&sealer(None, secret("b"))), PAYLOAD, "an old key seals nothing");
        for wrong in [sealer(secret("c"), None), sealer(None, None)] {
            let told = wrong.check(Some(&before)).expect_err("another key").to_string();
            assert!(told.contains("store.encryption_key"), "{told}");
            assert!(wrong.check(Some(PAYLOAD)).is_ok() && wrong.check(None).is_ok());
        }
        assert!(first.check(Some(&before)).is_ok());
    }
}
