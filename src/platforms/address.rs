//! Addresses that decisions go to: how an id is put into a path or a query so that it stays one.

/// A text of which nothing means anything in an address.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// An id as a segment of a path; `None` where it can't be one: servers take `..` for the folder above, however it is
/// written.
pub(super) fn segment(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| encode(id))
}

/// Names and values as a form, or as the query of an address.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment() {
        assert_eq!(segment("a/../b?c#d é"), Some("a%2F..%2Fb%3Fc%23d%20%C3%A9".to_owned()));
        assert_eq!([segment(".."), segment("."), segment("")], [None, None, None]);
        assert_eq!(form(&[("a", "b c"), ("d", "&=")]), "a=b%20c&d=%26%3D");
    }
}
