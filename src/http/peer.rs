//! Where a call comes from. A header is believed only from a proxy that is trusted, and then from the right: what the
//! last trusted proxy saw, never what the caller wrote in front of it.

use crate::domain::identifiers::TenantName;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// Who may call back.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    /// Proxies whose headers count.
    pub trusted: Vec<IpNet>,
    /// Networks that each tenant's callbacks come from.
    pub allowed: HashMap<TenantName, Vec<IpNet>>,
}

impl Peers {
    /// Whether the tenant may be called back from where this call comes from.
    pub(super) fn allow(&self, request: &HttpRequest, tenant: &TenantName) -> bool {
        let peer = request.peer_addr().map(|address| address.ip());
        let Some(from) = peer.and_then(|peer| self.origin(peer, request.headers())) else { return false };
        self.allowed.get(tenant).is_some_and(|networks| contains(networks, from))
    }

    /// The right-most address that is no trusted proxy's; `None` where the headers can't be read.
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !contains(&self.trusted, peer) {
            return Some(peer);
        }
        let (plain, standard) = (hops(headers, "X-Forwarded-For"), hops(headers, "Forwarded"));
        let hops = match (plain.is_empty(), standard.is_empty()) {
            (_, true) => plain,
            (true, false) => standard,
            // One of the two was not written by the proxy, and nothing tells which.
            (false, false) => return None,
        };
        let mut origin = peer;
        for hop in hops.iter().rev() {
            origin = (*hop)?;
            if !contains(&self.trusted, origin) {
                break;
            }
        }
        Some(origin)
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The addresses of a header, over all its lines; `None` for one that can't be read.
fn hops(headers: &HeaderMap, name: &str) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(name).map(|line| line.to_str().unwrap_or("?"));
    let entries =
        lines.flat_map(|line| line.split(',').map(str::trim).map(str::to_owned).collect::<Vec<_>>());
    entries.map(|entry| read_hop(if name == "Forwarded" { forwarded_for(&entry)? } else { &entry })).collect()
}

/// The `for` of an element of `Forwarded` (RFC 7239).
fn forwarded_for(entry: &str) -> Option<&str> {
    let pairs = entry.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut named = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    let (_, value) = named.next()?;
    if named.next().is_some() { None } else { Some(value.trim_matches('"')) }
}

/// An address, with or without a port, brackets around one of IPv6.
fn read_hop(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn origin(trusted: &[&str], peer: &str, lines: &[(&'static str, &str)]) -> Option<String> {
        let trusted = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let peers = Peers { trusted, allowed: HashMap::new() };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        peers.origin(peer.parse().expect("an address"), &headers).map(|address| address.to_string())
    }

    const PROXY: &[&str] = &["10.0.0.0/8"];

    #[test]
    fn without_a_trusted_proxy_headers_mean_nothing() {
        let spoofed =
            [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1"), ("X-Real-IP", "127.0.0.1")];
        assert_eq!(origin(&[], "203.0.113.9", &spoofed).as_deref(), Some("203.0.113.9"));
        assert_eq!(origin(PROXY, "203.0.113.9", &spoofed).as_deref(), Some("203.0.113.9"));
    }

    #[test]
    fn behind_a_trusted_proxy_the_right_most_stranger_counts() {
        for (line, from) in [
            ("198.51.100.1", "198.51.100.1"),
            ("127.0.0.1, 198.51.100.1", "198.51.100.1"),
            ("127.0.0.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(
                origin(PROXY, "10.0.0.1", &[("X-Forwarded-For", line)]).as_deref(),
                Some(from),
                "{line}"
            );
        }
        let lines = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "198.51.100.1")];
        assert_eq!(origin(PROXY, "10.0.0.1", &lines).as_deref(), Some("198.51.100.1"));
        let standard = [("Forwarded", "for=127.0.0.1, for=\"[2001:db8::1]:4711\";proto=https")];
        assert_eq!(origin(PROXY, "10.0.0.1", &standard).as_deref(), Some("2001:db8::1"));
        assert_eq!(origin(PROXY, "10.0.0.1", &[]).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn what_can_not_be_read_is_nobody() {
        for line in ["unknown", "_hidden", "", "127.0.0.1,", "198.51.100.1 127.0.0.1"] {
            assert_eq!(origin(PROXY, "10.0.0.1", &[("X-Forwarded-For", line)]), None, "{line}");
        }
        let both = [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=198.51.100.1")];
        assert_eq!(origin(PROXY, "10.0.0.1", &both), None);
        assert_eq!(origin(PROXY, "10.0.0.1", &[("Forwarded", "for=127.0.0.1;for=198.51.100.1")]), None);
    }
}
