//! `[server]`: where callers reach the gateway, and how safely. What is unsafe keeps it from starting, unless it is said
//! that it is wanted; then it is shown.

use super::material::server_tls;
use super::section::{Problems, Section};
use super::tenant::TenantSettings;
use crate::application::admission::IN_FLIGHT;
use crate::tls::ServerSettings;
use ipnet::IpNet;
use std::net::SocketAddr;

/// Where the gateway listens unless it is told otherwise.
const BIND: &str = "127.0.0.1:8080";
/// Connections of callers, and the most that may be set.
const CONNECTIONS: u64 = 10_000;
const CONNECTIONS_MAX: u64 = 1_000_000;

/// What somebody may want all the same, by its word, and what it means.
const UNSAFE: [(&str, &str); 3] = [
    ("plain_http", "callers, and their keys, come in the clear from beyond this machine"),
    ("open_callbacks", "callbacks are taken from everywhere; their hash alone tells whose they are"),
    ("open_proxies", "everybody is believed to say whom a call is from"),
];

/// What the section says.
pub(super) struct Server {
    pub(super) bind: SocketAddr,
    pub(super) admin_bind: Option<SocketAddr>,
    pub(super) workers: usize,
    pub(super) in_flight: usize,
    pub(super) connections: usize,
    pub(super) public_url: Option<String>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) tls: Option<ServerSettings>,
    wanted: Vec<&'static str>,
}

pub(super) fn read(mut section: Section, problems: &mut Problems) -> Option<Server> {
    let cure = "must be an address and a port, such as 127.0.0.1:8080";
    let bind = section.text_or("bind", BIND, problems);
    let bind = section.check("bind", problems, cure, || bind.parse::<SocketAddr>().ok());
    let admin_bind = section
        .optional_text("admin_bind", problems)
        .and_then(|admin| section.check("admin_bind", problems, cure, || admin.parse::<SocketAddr>().ok()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = section.integer_or("workers", cores as u64, 1..=1024, problems);
    let in_flight = section.integer_or("in_flight", IN_FLIGHT as u64, 1..=CONNECTIONS_MAX, problems);
    let connections = section.integer_or("connections", CONNECTIONS, 1..=CONNECTIONS_MAX, problems);
    let public_url = section.optional_text("public_url", problems);
    let trusted_proxies = section.networks("trusted_proxies", &[], problems);
    let tls = section.has("tls").then(|| section.section("tls"));
    let has_tls = tls.is_some();
    let tls = tls.and_then(|tls| server_tls(tls, problems));
    let wanted = if section.has("unsafe") { section.words("unsafe", problems) } else { Some(Vec::new()) };
    let words: Vec<_> = UNSAFE.iter().map(|(word, _)| *word).collect();
    let rule = format!("must list what is unsafe and wanted all the same: {}", words.join(", "));
    let wanted = section.check("unsafe", problems, &rule, || {
        let known = |word: &String| words.iter().find(|known| **known == *word).copied();
        wanted?.iter().map(known).collect::<Option<Vec<_>>>()
    });
    if let (Some(bind), Some(admin)) = (bind, admin_bind)
        && bind == admin
        && bind.port() != 0
    {
        section.check("admin_bind", problems, "must be another address than bind", || None::<()>);
    }
    section.finish(problems);
    // A TLS that can't be read is no reason to ask for plain_http.
    let tls = if has_tls && tls.is_none() { return None } else { tls };
    Some(Server {
        bind: bind?,
        admin_bind,
        workers: usize::try_from(workers).unwrap_or(1),
        in_flight: usize::try_from(in_flight).unwrap_or(usize::MAX),
        connections: usize::try_from(connections).unwrap_or(usize::MAX),
        public_url,
        trusted_proxies,
        tls,
        wanted: wanted?,
    })
}

impl Server {
    /// What is unsafe and wanted all the same. What is unsafe and not wanted is noted.
    pub(super) fn judge(&self, tenants: &[TenantSettings], problems: &mut Problems) -> Vec<&'static str> {
        let mut told = Vec::new();
        for (word, meaning) in UNSAFE {
            let Some((where_, cure)) = self.unsafe_by(word, tenants) else { continue };
            if self.wanted.contains(&word) {
                problems.warnings.push(format!("server.unsafe = [\"{word}\"]: {meaning}"));
                told.push(word);
            } else {
                problems.error(format!(
                    "{where_}: {meaning}; {cure}, or say that it is wanted all the same: server.unsafe = [\"{word}\"]"
                ));
            }
        }
        told
    }

    /// Where something of that kind is configured, and how it is not.
    fn unsafe_by(&self, word: &str, tenants: &[TenantSettings]) -> Option<(String, &'static str)> {
        let is_beyond = !self.bind.ip().is_loopback();
        match word {
            "plain_http" if is_beyond && self.tls.is_none() => Some((
                "server.bind".to_owned(),
                "set server.tls = { cert, key }, or bind to a loopback address",
            )),
            "plain_http" if self.admin_bind.is_some_and(|admin| !admin.ip().is_loopback()) => {
                Some(("server.admin_bind".to_owned(), "bind it to a loopback address: it has no TLS"))
            }
            "open_callbacks" => {
                let is_mutual = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
                let open = |settings: &&TenantSettings| {
                    let allowed = settings.callback_allow.iter().flatten();
                    allowed.into_iter().any(is_open)
                };
                let open = tenants.iter().find(open).filter(|_| !is_mutual)?;
                let name = &open.tenant.name;
                Some((
                    format!("tenants.{name}.xceed.callback_allow"),
                    "list the networks that Xceed calls from",
                ))
            }
            "open_proxies" if self.trusted_proxies.iter().any(is_open) => {
                Some(("server.trusted_proxies".to_owned(), "list your proxies' own addresses"))
            }
            _ => None,
        }
    }
}

/// Whether a network is so wide that it is nobody's own: wider than /8, or /16 of IPv6.
fn is_open(network: &IpNet) -> bool {
    network.prefix_len() < if matches!(network, IpNet::V4(_)) { 8 } else { 16 }
}
