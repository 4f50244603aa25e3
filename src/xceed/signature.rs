//! The signature of a message: SHA-1 over the plain concatenation of some of its values, as hexadecimal digits.
//! A pure function. Source: "Signing API Requests" on the vendor's public developer page.

use sha1::{Digest, Sha1};

/// How the digits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `0-9a-f`
    Lower,
    /// `0-9A-F`
    Upper,
}

/// SHA-1 over the UTF-8 bytes of the values, one behind the other: 40 digits.
pub fn sign<'a>(values: impl IntoIterator<Item = &'a str>, case: Case) -> String {
    let mut hash = Sha1::new();
    for value in values {
        hash.update(value.as_bytes());
    }
    match case {
        Case::Lower => hex::encode(hash.finalize()),
        Case::Upper => hex::encode_upper(hash.finalize()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#"<Events xmlns="urn:xceed:events:1.0" version="1.0"/>"#;
    const TENANT: [&str; 2] = ["3", "210021"];
    const SECRET: &str = "311a5439c8bda8ef";

    /// Made with `printf '%s' … | sha1sum`.
    #[test]
    fn vectors_of_another_tool() {
        let [platform, service] = TENANT;
        let text =
            "<Events xmlns=\"urn:xceed:events:1.0\" version=\"1.0\"><n>Zoë &amp; €5 &lt;😀&gt;</n></Events>";
        for (channel, payload, callback_id, hash) in [
            ("OLBBusiness", PAYLOAD, "", "d158629a5c0bfb8ccd31d5bbf895221986728cd0"),
            ("OLBBusiness", PAYLOAD, "cb-7", "67d988e31c7a3103e1efe4ca510185285e4e4c6c"),
            ("Wire", text, "", "fae28f318fdc5f5702cc9291beef902f4e404e42"),
            ("", "", "", "1ada1f8f8adaee075551ca6ecc9f2bfc498621bb"),
            ("Wire", "a\nb\tc", "", "023e9b1b6e7adaddca178d0b62d05ee9be6856c7"),
        ] {
            let signed = sign([platform, service, channel, SECRET, payload, callback_id], Case::Lower);
            assert_eq!(signed, hash, "{channel} {payload}");
        }
    }

    #[test]
    fn upper_case_is_the_same_number() {
        let lower = sign(["abc"], Case::Lower);
        assert_eq!(lower, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sign(["a", "bc"], Case::Upper), lower.to_uppercase());
    }
}
