//! Whose eyes a command looks with: a tenant of a configuration, or an example on the sets that ship.

use super::shell::Failed;
use crate::app::Sets;
use crate::config::{Config, Documents, TenantSettings};
use crate::domain::identifiers::TenantName;
use crate::domain::policy::Policy;
use crate::secrets::Secret;
use crate::sources::{Source, SourceSettings};
use crate::xceed::link::{Link, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The example's secret key, from the vendor's public developer page. It opens nothing.
const EXAMPLE_KEY: &str = "311a5439c8bda8ef";
const EXAMPLE_CHANNEL: &str = "Wire";
/// The example's schema set, where it is there.
const EXAMPLE_SCHEMA: &str = "1.0";

/// Which tenant.
#[derive(Debug, clap::Args)]
pub(super) struct TenantOption {
    /// A configuration, whose tenant, schema sets and API set to use.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The tenant in the configuration; needed where there are several.
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(super) tenant: Option<String>,
}

/// A tenant's link, and where it comes from in words.
pub(super) struct Chosen {
    pub(super) link: Link,
    pub(super) schema: String,
    /// "the built-in example (…)" or "tenant first-bank"
    pub(super) whose: String,
    /// The tenant's name, and its sources, those that ship among them.
    pub(super) name: TenantName,
    pub(super) sources: Vec<SourceSettings>,
    /// How it decides, and where it is reached from outside.
    pub(super) policy: Policy,
    pub(super) public_url: Option<String>,
}

impl Chosen {
    /// A source of the tenant.
    pub(super) fn source(&self, name: &str) -> Result<Source, Failed> {
        // A tenant's own comes last, and counts.
        let settings = self.sources.iter().rev().find(|settings| settings.name == name);
        let settings = settings.ok_or_else(|| {
            let names: Vec<_> = self.sources.iter().map(|settings| settings.name.as_str()).collect();
            Failed::because(format!(
                "there is no source {}; there are {}: --config names the configuration that has others",
                name.escape_debug(),
                names.join(", ")
            ))
        })?;
        Source::compile(settings, self.link.members()).map_err(Failed)
    }
}

impl TenantOption {
    /// The tenant's link, with another version of the schema set if one is named. `dir` has the sets of the example.
    pub(super) fn choose(&self, dir: Option<&Path>, schema: Option<&str>) -> Result<Chosen, Failed> {
        let mut sources = SourceSettings::shipped();
        let (mut policy, mut public_url) = (Policy::default(), None);
        let (mut settings, documents, name) = match &self.config {
            Some(file) => {
                let config = Config::read(file).map_err(Failed)?;
                let tenant = self.pick(&config)?;
                sources.extend(tenant.sources.iter().cloned());
                policy = tenant.tenant.policy.clone();
                public_url = config.server.public_url.clone();
                let (settings, name) = (tenant.link.clone(), tenant.tenant.name.to_string());
                (settings, config.documents, Some(name))
            }
            None => {
                let documents = documents(dir)?;
                (example(&documents), documents, None)
            }
        };
        if let Some(schema) = schema {
            schema.clone_into(&mut settings.schema);
        }
        let sets = Sets::compile(&documents).map_err(Failed)?;
        let version =
            sets.versions.get(&settings.schema).ok_or_else(|| no_such_set(&settings.schema, &documents))?;
        let tenant = TenantName::new(name.as_deref().unwrap_or("example"));
        let whose = match name {
            Some(name) => format!("tenant {name}"),
            None => format!(
                "the built-in example (platform {}, service {}, channel {}, and the example's secret key); \
                 name your own with --config",
                settings.platform_id, settings.service_id, settings.channel
            ),
        };
        let schema = settings.schema.clone();
        let link = Link::new(settings, version.clone(), sets.api, None);
        Ok(Chosen { link, schema, whose, name: tenant, sources, policy, public_url })
    }

    /// The tenant that is named, or the only one.
    pub(super) fn pick<'c>(&self, config: &'c Config) -> Result<&'c TenantSettings, Failed> {
        let named = |tenant: &&TenantSettings| match &self.tenant {
            Some(name) => tenant.tenant.name.as_str() == name,
            None => config.tenants.len() == 1,
        };
        config.tenants.iter().find(named).ok_or_else(|| {
            let names: Vec<_> = config.tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
            let names = names.join(", ");
            Failed::because(match self.tenant {
                Some(_) => format!("--tenant: there is no such tenant; there are {names}"),
                None => format!("there are several tenants: {names}; name one with --tenant"),
            })
        })
    }
}

/// The sets of a folder, or those that ship.
pub(super) fn documents(dir: Option<&Path>) -> Result<Documents, Failed> {
    dir.map_or_else(|| Ok(Documents::shipped()), |dir| Documents::read(dir).map_err(Failed))
}

/// A version that is not there.
pub(super) fn no_such_set(version: &str, documents: &Documents) -> Failed {
    let there: Vec<_> = documents.versions.keys().map(String::as_str).collect();
    Failed::because(format!(
        "there is no schema set {}; there are {}: name one of them with --schema",
        version.escape_debug(),
        there.join(", ")
    ))
}

/// A link that leads nowhere, for looking and signing alone.
pub(super) fn link_settings(
    platform_id: &str,
    service_id: &str,
    channel: &str,
    secret_key: Secret,
) -> Settings {
    Settings {
        url: "https://localhost/".to_owned(),
        platform_id: platform_id.to_owned(),
        service_id: service_id.to_owned(),
        secret_key,
        secret_key_next: None,
        channel: channel.to_owned(),
        channels: BTreeMap::new(),
        schema: EXAMPLE_SCHEMA.to_owned(),
        attempt_timeout: Duration::from_secs(5),
        tls: Default::default(),
    }
}

fn example(documents: &Documents) -> Settings {
    let key = Secret::new(EXAMPLE_KEY.to_owned());
    let mut settings = link_settings("3", "210021", EXAMPLE_CHANNEL, key);
    // A folder of sets may have other versions; the last is the newest.
    if !documents.versions.contains_key(EXAMPLE_SCHEMA)
        && let Some(newest) = documents.versions.keys().next_back()
    {
        newest.clone_into(&mut settings.schema);
    }
    settings
}
