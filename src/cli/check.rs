//! `xceed-gateway check`

use super::shell::{ConfigFile, Failed, Output, say};
use crate::app::{Sets, sources};
use crate::config::{Config, EXAMPLE, TenantSettings};
use crate::sources::SourceSettings;
use clap::Args;

/// Checks the configuration, the schema sets, the mappings, the API set and the sources with their samples, and tells
/// everything that is wrong.
///
/// Example:  xceed-gateway check --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    /// Prints a configuration with every key, its default and what it does, and checks nothing.
    #[arg(long)]
    example: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        if self.example {
            return say(EXAMPLE.trim_end());
        }
        let result = self.config.read().and_then(|config| examine(config).map_err(Failed));
        match (self.output, result) {
            (Output::Text, Ok(config)) => {
                for warning in &config.warnings {
                    say(format!("warning: {warning}"))?;
                }
                let versions: Vec<_> = config.documents.versions.keys().map(String::as_str).collect();
                let tenants: Vec<_> = config.tenants.iter().map(|t| t.tenant.name.as_str()).collect();
                say(format!("ok: tenants {}; schema sets {}", tenants.join(", "), versions.join(", ")))?;
                config.tenants.iter().try_for_each(say_sources)
            }
            (Output::Text, Err(failed)) => Err(failed),
            (Output::Json, result) => {
                let (errors, warnings) = match &result {
                    Ok(config) => (&[][..], config.warnings.as_slice()),
                    Err(Failed(errors)) => (errors.as_slice(), &[][..]),
                };
                say(serde_json::json!({ "ok": errors.is_empty(), "errors": errors, "warnings": warnings }))?;
                result.map(|_| ()).map_err(|_| Failed(Vec::new()))
            }
        }
    }
}

/// A tenant's own sources.
fn say_sources(settings: &TenantSettings) -> Result<(), Failed> {
    let source = |source: &SourceSettings| {
        let (samples, s) = (source.samples.len(), if source.samples.len() == 1 { "" } else { "s" });
        format!("{} ({samples} sample{s})", source.name)
    };
    let sources: Vec<_> = settings.sources.iter().map(source).collect();
    if sources.is_empty() {
        return Ok(());
    }
    say(format!("ok: sources of {}: {}", settings.tenant.name, sources.join(", ")))
}

fn examine(mut config: Config) -> Result<Config, Vec<String>> {
    let sets = Sets::compile(&config.documents)?;
    let links: Vec<_> = config.tenants.iter().map(|t| (t.tenant.name.clone(), t.link.clone())).collect();
    let links = sets.links(&links, &[], None)?;
    let (_, odd) = sources::compile(&config.tenants, &links)?;
    config.warnings.extend(odd);
    Ok(config)
}
