//! Addresses that what is private may be sent to.

use std::net::IpAddr;

/// https, or plain http that does not leave the machine; without a user, a password or a fragment in it.
pub fn is_safe(url: &str) -> bool {
    let Ok(url) = url.parse::<reqwest::Url>() else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    !host.is_empty() && plain && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_the_machine() {
        for good in ["https://api.example/x", "http://127.0.0.1:9", "http://[::1]/", "http://localhost/"] {
            assert!(is_safe(good), "{good}");
        }
        let bad = ["http://api.example", "http://127.0.0.1.example", "ftp://localhost", "api", "https://"];
        for bad in bad.into_iter().chain(["https://me:secret@api.example", "https://api.example/#x"]) {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
