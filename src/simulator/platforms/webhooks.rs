//! Whoever listens for webhooks: verifies each by the Standard Webhooks rules, with an HMAC of its own.

use super::Platforms;
use super::landed::Landing;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// How old or new a signature may be, in seconds.
const TOLERANCE: i64 = 5 * 60;
const HEADERS: [&str; 4] = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"];
/// The length of the blocks that SHA-256 works on.
const BLOCK: usize = 64;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.route("/webhook/{name}", web::post().to(listen));
}

async fn listen(
    request: HttpRequest,
    name: Path<String>,
    body: Bytes,
    platforms: Data<Platforms>,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let shown = HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), Value::from(header(name)?))));
    let parameters: Map<String, Value> = shown.collect();
    let secrets = platforms.known().secrets.get(&*name).cloned();
    let verified = secrets.map(|secrets| {
        let [id, at, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
        let now = jiff::Timestamp::now().as_second();
        let in_time = at.and_then(|at| at.parse::<i64>().ok()).is_some_and(|at| (now - at).abs() < TOLERANCE);
        let signed = [id.unwrap_or_default(), at.unwrap_or_default()].join(".") + ".";
        let text = [signed.as_bytes(), &body].concat();
        let genuine = secrets.iter().any(|secret| is_genuine(secret, &text, signature.unwrap_or_default()));
        id.is_some() && in_time && genuine
    });
    let landing = Landing {
        what: "webhook",
        id: name.into_inner(),
        body: String::from_utf8_lossy(&body).into_owned(),
        parameters,
        verified,
        ..Landing::default()
    };
    let answer = platforms.known().told.webhook.next();
    let usual = match verified {
        Some(false) => {
            HttpResponse::Unauthorized().json(json!({ "message": "the signature is not genuine" }))
        }
        _ => HttpResponse::NoContent().finish(),
    };
    platforms.answer(answer, landing, usual).await
}

/// Whether one of the signatures is that of this secret.
fn is_genuine(secret: &str, text: &[u8], signatures: &str) -> bool {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).unwrap_or_default(),
        None => secret.as_bytes().to_vec(),
    };
    let expected = format!("v1,{}", STANDARD.encode(hmac(&key, text)));
    signatures.split(' ').any(|signature| signature == expected)
}

/// RFC 2104 over SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > BLOCK { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(BLOCK, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), text].concat());
    Sha256::digest([pad(0x5c).as_slice(), &inner].concat()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::{hmac, is_genuine};

    /// RFC 4231, test cases 2 and 6; and the example of the Standard Webhooks specification.
    #[test]
    fn the_published_examples_are_genuine() {
        let found = hex::encode(hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(found, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex::encode(long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let text = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(is_genuine(secret, text, signature));
        assert!(is_genuine(secret, text, &format!("v1,bm9uZQ== {signature}")));
        assert!(!is_genuine(secret, b"another", signature));
    }
}
