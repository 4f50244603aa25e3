//! Forged callbacks of event `e-1`, each with what is wrong about it. Whoever forges here knows a whole genuine callback,
//! but no secret key.

mod bodies;
mod extension;

use super::callback::{Callback, callback_request};
use super::http::Request;
use sha1::{Digest, Sha1};

pub(crate) use bodies::{costly, foreign_types, no_plain_soap};
pub(crate) use extension::extended;

/// What is wrong, and the request.
pub(crate) type Forged = (String, Request);

/// The secret of the other tenant, `second-bank` with the callback id `gw2`.
pub(crate) const SECOND_SECRET: &str = "99999999aaaaaaaa";

/// Ids that the shifted boundaries of `divided` would name: they await a callback too.
pub(crate) const DIVIDED_IDS: [&str; 5] = ["e-", "e", "e-1S", "e-1SUCCESS", "e-1SUCC"];

pub(crate) fn named(what: &str, request: Request) -> Forged {
    (what.to_owned(), request)
}

/// Hashes that are not the one.
pub(crate) fn hashes() -> Vec<Forged> {
    let genuine = Callback::of("e-1");
    let hash = genuine.hash();
    let with = |what: &str, hash: &str| named(what, genuine.hashed(hash).request());
    let digest = |text: &str| hex::encode(Sha1::digest(text));
    let key = &genuine.secret;
    let other =
        Callback { service_id: "310031".to_owned(), secret: SECOND_SECRET.to_owned(), ..genuine.clone() };
    vec![
        with("of nothing", &digest("")),
        with("all zeros", &"0".repeat(40)),
        with("empty", ""),
        with("upper-case", &hash.to_uppercase()),
        with("one digit in upper case", &hash.replacen(|c: char| c.is_ascii_lowercase(), "F", 1)),
        with("39 digits", &hash[..39]),
        with("41 digits", &format!("{hash}0")),
        with("twice", &format!("{hash}{hash}")),
        with("with a space before", &format!(" {hash}")),
        with("with a line end behind", &format!("{hash}\n")),
        with("without the secret", &digest(&genuine.text().replace(key, ""))),
        with("with the secret at the end", &digest(&(genuine.text().replace(key, "") + key))),
        with("of another tenant", &other.hash()),
        with("of another tenant's secret alone", &digest(&genuine.text().replace(key, SECOND_SECRET))),
        with("in base64", "DWho2RtF2GqRlStqO6KjLYZ7GoQ="),
        with("of a request", &digest(&format!("3210021Wire{key}e-1gw1"))),
    ]
}

/// A genuine callback, changed after it was signed.
pub(crate) fn changed() -> Vec<Forged> {
    let text = str::to_owned;
    let changed = |what: &str, change: &dyn Fn(&mut Callback)| {
        let mut callback = Callback::of("e-1").sealed();
        change(&mut callback);
        named(what, callback.request())
    };
    vec![
        changed("another action", &|callback| callback.risk_action = text("Allow")),
        changed("no action", &|callback| callback.risk_action.clear()),
        changed("another score", &|callback| callback.risk_score = text("7.0")),
        changed("the same score in other words", &|callback| callback.risk_score = text("73")),
        changed("no score", &|callback| callback.risk_score.clear()),
        changed("another code", &|callback| callback.return_code = text("DATA_COLLECTION")),
        changed("the code in lower case", &|callback| callback.return_code = text("success")),
        changed("another callback id", &|callback| callback.callback_id = text("gw2")),
        changed("an unknown callback id", &|callback| callback.callback_id = text("gw3")),
        changed("a callback id in upper case", &|callback| callback.callback_id = text("GW1")),
        changed("no callback id", &|callback| callback.callback_id.clear()),
    ]
}

/// The signed text, divided elsewhere.
pub(crate) fn divided() -> Vec<Forged> {
    let shifted = |event_id: &str, code: &str, score: &str, action: &str| {
        let genuine = Callback::of("e-1").sealed();
        let [event_id, return_code, risk_score, risk_action] =
            [event_id, code, score, action].map(str::to_owned);
        let callback = Callback { event_id, return_code, risk_score, risk_action, ..genuine };
        assert_eq!(callback.text(), Callback::of("e-1").text(), "the concatenation stays");
        (format!("{callback:?}"), callback.request())
    };
    vec![
        shifted("e-1", "SUCCESS", "73", ".0Hold"),
        shifted("e-1", "SUCCESS", "7", "3.0Hold"),
        shifted("e-1", "SUCCESS", "", "73.0Hold"),
        shifted("e-1", "SUCCESS7", "3.0", "Hold"),
        shifted("e-1", "SUCCESS73.0", "", "Hold"),
        shifted("e-1", "SUCCESS73.0Hold", "", ""),
        shifted("e-", "1SUCCESS", "73.0", "Hold"),
        shifted("e", "-1SUCCESS", "73.0", "Hold"),
        shifted("e-1S", "UCCESS", "73.0", "Hold"),
        shifted("e-1SUCC", "ESS", "73.0", "Hold"),
        shifted("e-1SUCCESS", "", "73.0", "Hold"),
    ]
}

/// A genuine callback at an address that is not its own.
pub(crate) fn elsewhere() -> Vec<Forged> {
    let envelope = Callback::of("e-1").envelope();
    let nowhere =
        Request::new("POST", "/xceed/callback").header("Content-Type", "text/xml").body(envelope.clone());
    let at = |what: &str, address: &str| named(what, callback_request(address, envelope.clone()));
    vec![
        named("no address", nowhere),
        at("another tenant's address", "gw2"),
        at("an unknown address", "gw3"),
        at("an address in upper case", "GW1"),
        at("an address with more behind", "gw1%00"),
        at("an address with markup", "%3Cgw1%3E"),
    ]
}
