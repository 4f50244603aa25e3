//! This gateway's own place: its store, its port, its keys, what it lets in.

use super::host::{Host, expiry};
use super::report::Finding;
use crate::config::{Config, TenantSettings};
use crate::http::auth::Role;
use crate::store::PlaceSettings;
use crate::tls::Identity;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;

const GATEWAY: &str = "gateway";

/// Everything that needs no network.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![store(config), trail(config), descriptors(config)];
    findings.extend(config.warnings.iter().map(|warning| {
        Finding::warn(
            GATEWAY,
            "configuration",
            warning.clone(),
            "see deploy/gateway.toml, which explains each key",
        )
    }));
    let own = config.server.tls.as_ref().and_then(|tls| tls.identity.valid_until());
    findings.extend(own.map(|until| expiry(GATEWAY, "own certificate", until)));
    for tenant in &config.tenants {
        findings.extend(keys(config, tenant));
        findings.extend(callback(config, tenant));
        let own = tenant.link.tls.identity.as_ref().and_then(Identity::valid_until);
        findings
            .extend(own.map(|until| expiry(tenant.tenant.name.as_str(), "own certificate for Xceed", until)));
    }
    findings
}

fn store(config: &Config) -> Finding {
    let PlaceSettings::Sqlite(file) = &config.store.place else {
        return Finding::ok(GATEWAY, "store", "PostgreSQL, shared: its name and port are looked at below");
    };
    let folder =
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let shown = file.display();
    match fs::metadata(file) {
        Ok(known) if known.permissions().readonly() => {
            let cure = "give the user that runs the gateway leave to write it and its folder";
            Finding::fail(GATEWAY, "store", format!("{shown} can't be written"), cure)
        }
        Ok(known) => {
            Finding::ok(GATEWAY, "store", format!("{shown}, {:.1} MiB", known.len() as f64 / 1048576.0))
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let cure = "give the user that runs the gateway leave to read it and its folder";
            Finding::fail(GATEWAY, "store", format!("{shown}: {error}"), cure)
        }
        Err(_) => match nearest(folder)
            .map(|there| fs::metadata(there).map(|known| known.permissions().readonly()))
        {
            Some(Ok(false)) => Finding::ok(GATEWAY, "store", format!("{shown} is made at the first start")),
            _ => {
                let cure = "make the folder, and give it to the user that runs the gateway";
                Finding::fail(GATEWAY, "store", format!("{} can't be written", folder.display()), cure)
            }
        },
    }
}

/// The folder, or the one above it that is there.
fn nearest(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|folder| folder.as_os_str().is_empty() || folder.is_dir())
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

fn trail(config: &Config) -> Finding {
    let file = &config.audit.checkpoints;
    match fs::metadata(file) {
        Ok(known) => Finding::ok(
            GATEWAY,
            "audit trail",
            format!(
                "{}, {} KiB; `xceed-gateway audit verify` holds it against the store",
                file.display(),
                known.len() / 1024
            ),
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::ok(GATEWAY, "audit trail", format!("{} is made at the first start", file.display()))
        }
        Err(error) => {
            let cure = "give the user that runs the gateway leave to read and write it";
            Finding::fail(GATEWAY, "audit trail", format!("{}: {error}", file.display()), cure)
        }
    }
}

fn descriptors(config: &Config) -> Finding {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let most = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    let wanted = config.server.connections + 2 * config.server.in_flight;
    match most {
        Some(most) if most < wanted => {
            let cure = "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536; or lower server.connections";
            let found = format!("{most} for up to {wanted} connections (in this shell)");
            Finding::warn(GATEWAY, "file descriptors", found, cure)
        }
        Some(most) => {
            Finding::ok(GATEWAY, "file descriptors", format!("{most}, for up to {wanted} connections"))
        }
        None => Finding::ok(GATEWAY, "file descriptors", "not looked at here"),
    }
}

fn keys(config: &Config, tenant: &TenantSettings) -> Vec<Finding> {
    let whose = tenant.tenant.name.as_str();
    let keys = &config.server.keys.0;
    let has =
        |role: Role| keys.iter().any(|key| key.tenant == tenant.tenant.name && key.roles.contains(&role));
    let mut findings = Vec::new();
    if has(Role::Caller) {
        findings.push(Finding::ok(whose, "API keys", "there is one for callers"));
    } else {
        let cure = "xceed-gateway key makes one, with roles = [\"caller\"]";
        findings.push(Finding::fail(
            whose,
            "API keys",
            "none has the role caller: nobody can submit events",
            cure,
        ));
    }
    if !has(Role::Operator) {
        let cure = "xceed-gateway key makes one, with roles = [\"operator\"]: without it nobody can replay what is parked";
        findings.push(Finding::warn(whose, "API keys", "none has the role operator", cure));
    }
    findings
}

fn callback(config: &Config, tenant: &TenantSettings) -> Vec<Finding> {
    let whose = tenant.tenant.name.as_str();
    let Some(callback) = &tenant.tenant.callback else { return Vec::new() };
    let id = callback.id.as_deref().unwrap_or("…");
    let mut findings = vec![match &config.server.public_url {
        Some(url) => Finding::ok(whose, "callback", format!("register {url}/xceed/callback/{id} at Xceed")),
        None => Finding::fail(
            whose,
            "callback",
            "server.public_url is not set, so nobody can tell what to register",
            "set it to where the gateway is reached from Xceed, such as https://gateway.bank.example",
        ),
    }];
    let allowed = config.server.peers.allowed.get(&tenant.tenant.name);
    let allowed = allowed.map_or(&[][..], Vec::as_slice);
    let is_near = allowed.iter().all(|network| network.network().is_loopback());
    findings.push(if is_near {
        let cure = "list the networks that Xceed calls from, such as callback_allow = [\"203.0.113.0/24\"]: what comes from elsewhere is refused";
        Finding::warn(whose, "callback_allow", "only this machine may call back", cure)
    } else {
        let all: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        Finding::ok(whose, "callback_allow", all.join(", "))
    });
    findings
}

/// Whether the port is free, or a gateway's that runs.
pub(super) async fn port(config: &Config) -> Finding {
    let bind = config.server.bind;
    match TcpListener::bind(bind) {
        Ok(_) => Finding::ok(GATEWAY, "port", format!("{bind} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let scheme = if config.server.tls.is_some() { "https" } else { "http" };
            let url = format!("{scheme}://{bind}/healthz");
            let host = Host { whose: GATEWAY.to_owned(), url, tls: Default::default() };
            match host.look().await.1 {
                Some(answer)
                    if answer.starts_with("HTTP/1.1 200") && answer.contains("\"status\":\"ok\"") =>
                {
                    Finding::ok(GATEWAY, "port", format!("a gateway answers at {bind}"))
                }
                _ if config.server.tls.is_some() => Finding::warn(
                    GATEWAY,
                    "port",
                    format!("{bind} is taken"),
                    "is it this gateway, which runs already?",
                ),
                _ => Finding::fail(
                    GATEWAY,
                    "port",
                    format!("{bind} is taken by something else"),
                    "end that, or set server.bind to another port",
                ),
            }
        }
        Err(error) => Finding::fail(
            GATEWAY,
            "port",
            format!("{bind}: {error}"),
            "set server.bind to an address of this machine",
        ),
    }
}

/// Whether the WSDL is there from outside, as far as can be seen from here.
pub(super) fn wsdl(findings: &mut Vec<Finding>, answer: Option<&str>) {
    let whose = "callback address";
    match answer {
        Some(answer) if answer.contains("definitions") => {
            findings.push(Finding::ok(whose, "WSDL", "is served there, seen from here; Xceed may see it otherwise"));
        }
        _ => findings.push(Finding::warn(
            whose,
            "WSDL",
            "is not served there, seen from here",
            "does the gateway run, and does server.public_url lead to it? From inside some networks it can't be seen; then ask from outside",
        )),
    }
}
