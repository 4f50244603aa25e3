//! The signatures of a request and of a callback, worked out a second time.
//!
//! Not the gateway's: these lines share nothing with it, so that a request which verifies here was
//! signed right, and a callback that is believed was verified right. The recipe is the vendor's: SHA-1 over the plain concatenation, lower-case hex.

use sha1::{Digest, Sha1};

/// What is signed, in the order in which it is signed.
pub(super) struct Signed<'a> {
    pub(super) platform_id: &'a str,
    pub(super) service_id: &'a str,
    pub(super) channel: &'a str,
    pub(super) payload: &'a str,
    /// Of `addAsyncEvent` alone.
    pub(super) callback_id: Option<&'a str>,
}

impl Signed<'_> {
    /// The `hashKey` that these fields have under this secret key.
    pub(super) fn hash_key(&self, secret_key: &str) -> String {
        let before = [self.platform_id, self.service_id, self.channel, secret_key, self.payload];
        let text = before.concat() + self.callback_id.unwrap_or_default();
        hex::encode(Sha1::digest(text))
    }
}

/// What is signed of a callback, in the order in which it is signed, each as it is sent or nothing.
pub(super) struct SignedResult<'a> {
    pub(super) platform_id: &'a str,
    pub(super) service_id: &'a str,
    pub(super) channel: &'a str,
    pub(super) event_id: &'a str,
    pub(super) return_code: &'a str,
    pub(super) risk_score: &'a str,
    pub(super) risk_action: &'a str,
    pub(super) callback_id: &'a str,
}

impl SignedResult<'_> {
    /// The `hashKey` that these fields have under this secret key.
    pub(super) fn hash_key(&self, secret_key: &str) -> String {
        let before = [self.platform_id, self.service_id, self.channel, secret_key, self.event_id];
        let after = [self.return_code, self.risk_score, self.risk_action, self.callback_id];
        hex::encode(Sha1::digest(before.concat() + &after.concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Signed, SignedResult};

    const SECRET: &str = "311a5439c8bda8ef";

    fn hash(channel: &str, payload: &str, callback_id: Option<&str>) -> String {
        let (platform_id, service_id) = ("3", "210021");
        Signed { platform_id, service_id, channel, payload, callback_id }.hash_key(SECRET)
    }

    // The expected values were made with `sha1sum`.
    #[test]
    fn a_request_without_a_callback_is_signed_up_to_its_payload() {
        let payload = r#"<Events xmlns="urn:xceed:events:1.0" version="1.0"/>"#;
        assert_eq!(hash("OLBBusiness", payload, None), "d158629a5c0bfb8ccd31d5bbf895221986728cd0");
    }

    #[test]
    fn the_callback_id_comes_last() {
        let payload = r#"<Events xmlns="urn:xceed:events:1.0" version="1.0"/>"#;
        assert_eq!(hash("OLBBusiness", payload, Some("cb-7")), "67d988e31c7a3103e1efe4ca510185285e4e4c6c");
    }

    #[test]
    fn text_is_signed_as_its_utf_8_bytes() {
        let payload = "<Events xmlns=\"urn:xceed:events:1.0\" version=\"1.0\">\
                       <n>Zoë &amp; €5 &lt;😀&gt;</n></Events>";
        assert_eq!(hash("Wire", payload, None), "fae28f318fdc5f5702cc9291beef902f4e404e42");
    }

    #[test]
    fn a_callback_is_signed_with_what_it_says_and_what_it_does_not_say_is_nothing() {
        let callback = |return_code, risk_score, risk_action| SignedResult {
            platform_id: "3",
            service_id: "210021",
            channel: "Wire",
            event_id: "e-1",
            return_code,
            risk_score,
            risk_action,
            callback_id: "gw1",
        };
        let scored = callback("SUCCESS", "73.0", "Hold").hash_key(SECRET);
        assert_eq!(scored, "36232aaad5a8d5e5bc2f9060db658cdf55756b7a");
        let skipped = callback("MSG_SKIPPED", "", "").hash_key(SECRET);
        assert_eq!(skipped, "804091b745928edcdee23330101d954f501d57a9");
    }
}
