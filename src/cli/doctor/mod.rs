//! `xceed-gateway doctor`

mod host;
mod place;
mod report;

use super::shell::{ConfigFile, Failed, Output};
use crate::app::{Sets, install_tls, sources};
use crate::config::{Config, TenantSettings};
use crate::store::PlaceSettings;
use crate::tls::ClientSettings;
use clap::Args;
use futures_util::future::join_all;
use host::Host;
use report::{Finding, print};

/// Looks at everything that goes wrong at onboarding, and says what to do: configuration, schema sets, secrets, names, ports, TLS and
/// certificates, clocks, callback, allow-list, store. Sends no event, and changes nothing.
///
/// Example:  xceed-gateway doctor --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
    /// How to print what was found.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Failed> {
        let config = match self.config.read() {
            Ok(config) => config,
            Err(Failed(errors)) => {
                let cure =
                    "deploy/gateway.toml explains each key; xceed-gateway key makes keys and their hashes";
                let failed = |error: String| Finding::fail("gateway", "configuration", error, cure);
                return print(&errors.into_iter().map(failed).collect::<Vec<_>>(), self.output);
            }
        };
        install_tls();
        let mut findings = sets(&config);
        findings.extend(place::look(&config));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::because)?;
        findings.extend(runtime.block_on(network(&config)));
        print(&findings, self.output)
    }
}

/// Schema sets, API set, mappings, and sources with their samples.
fn sets(config: &Config) -> Vec<Finding> {
    let links: Vec<_> = config.tenants.iter().map(|t| (t.tenant.name.clone(), t.link.clone())).collect();
    let compiled = Sets::compile(&config.documents).and_then(|sets| {
        let links = sets.links(&links, &[], None)?;
        sources::compile(&config.tenants, &links)
    });
    let tenants: Vec<_> = config.tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
    let versions: Vec<_> = config.documents.versions.keys().map(String::as_str).collect();
    let read = format!("tenants {}; secrets have the form that they should", tenants.join(", "));
    let mut findings = vec![Finding::ok("gateway", "configuration", read)];
    let cure = "xsd/ of the release holds sets that work; take the file that is named from what Xceed's operator gave you";
    match compiled {
        Ok((_, odd)) => {
            findings.push(Finding::ok("gateway", "schema sets", format!("{} compile", versions.join(", "))));
            findings.extend(
                odd.into_iter().map(|odd| Finding::warn("gateway", "sources", odd, "see its samples")),
            );
        }
        Err(errors) => findings
            .extend(errors.into_iter().map(|error| Finding::fail("gateway", "schema sets", error, cure))),
    }
    let newest = versions.last().copied().unwrap_or_default();
    for tenant in config.tenants.iter().filter(|tenant| tenant.link.schema != newest) {
        let found = format!("version {}, and {newest} is there too", tenant.link.schema);
        findings.push(Finding::ok(tenant.tenant.name.as_str(), "schema set", found));
    }
    findings
}

/// All servers at once; each look is bounded in time.
async fn network(config: &Config) -> Vec<Finding> {
    let hosts: Vec<Host> = config.tenants.iter().flat_map(hosts).chain(databases(config)).collect();
    let looks = join_all(hosts.iter().map(Host::look)).await;
    let mut findings = vec![place::port(config).await];
    findings.extend(looks.into_iter().flat_map(|(found, _)| found));
    let awaits = config.tenants.iter().any(|tenant| tenant.tenant.callback.is_some());
    if let Some(url) = config.server.public_url.as_ref().filter(|_| awaits) {
        let url = format!("{}/xceed/callback?wsdl", url.trim_end_matches('/'));
        let host = Host { whose: "callback address".to_owned(), url, tls: ClientSettings::default() };
        let (found, answer) = host.look().await;
        findings.extend(found);
        place::wsdl(&mut findings, answer.as_deref());
    }
    findings
}

/// Where a tenant's events and decisions go.
fn hosts(tenant: &TenantSettings) -> Vec<Host> {
    let name = tenant.tenant.name.as_str();
    let host = |what: &str, url: &str, tls: ClientSettings| Host {
        whose: format!("{name}, {what}"),
        url: url.to_owned(),
        tls,
    };
    let mut hosts = vec![host("Xceed", &tenant.link.url, tenant.link.tls.clone())];
    let mut plain = |what: &str, url: &str| hosts.push(host(what, url, ClientSettings::default()));
    let platforms = &tenant.platforms;
    if let Some(cxone) = &platforms.cxone {
        let urls = [("CXone", &cxone.api_url), ("CXone's tokens", &cxone.token_url)];
        urls.into_iter()
            .filter_map(|(what, url)| Some((what, url.as_ref()?)))
            .for_each(|(what, url)| plain(what, url));
        if let Some(issuer) = &cxone.issuer {
            plain("CXone's discovery", &issuer.url);
        }
    }
    if let Some(genesys) = &platforms.genesys {
        plain("Genesys", &genesys.api_url);
        plain("Genesys' tokens", &genesys.token_url);
    }
    platforms.webhooks.iter().for_each(|hook| plain("webhook", &hook.url));
    hosts
}

/// The servers of a shared store.
fn databases(config: &Config) -> Vec<Host> {
    let PlaceSettings::Postgres(settings) = &config.store.place else { return Vec::new() };
    let host = |(name, port): (String, u16)| Host {
        whose: "database".to_owned(),
        // Only its name and port are looked at: it speaks no HTTP.
        url: format!("tcp://{name}:{port}"),
        tls: ClientSettings::default(),
    };
    settings.places().into_iter().map(host).collect()
}
