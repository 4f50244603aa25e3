//! `xceed-gateway check`

use super::shell::{ConfigFile, Failed, Output, say};
use crate::app::Sets;
use crate::config::Config;
use clap::Args;

/// Checks the configuration, the schema sets, the mappings and the API set, and tells everything that is wrong.
///
/// Example:  xceed-gateway check --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        let result = self.config.read().and_then(|config| examine(&config).map_err(Failed).map(|()| config));
        match (self.output, result) {
            (Output::Text, Ok(config)) => {
                for warning in &config.warnings {
                    say(format!("warning: {warning}"))?;
                }
                let versions: Vec<_> = config.documents.versions.keys().map(String::as_str).collect();
                let tenants: Vec<_> = config.tenants.iter().map(|t| t.tenant.name.as_str()).collect();
                say(format!("ok: tenants {}; schema sets {}", tenants.join(", "), versions.join(", ")))
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

fn examine(config: &Config) -> Result<(), Vec<String>> {
    let sets = Sets::compile(&config.documents)?;
    let links: Vec<_> = config.tenants.iter().map(|t| (t.tenant.name.clone(), t.link.clone())).collect();
    sets.links(&links, &[], None).map(|_| ())
}
