//! `xceed-gateway key`

use super::shell::{Failed, Output, say};
use crate::http::auth::hash_of;
use clap::Args;

/// Makes an API key, and prints it with the line for the configuration. The key itself is stored nowhere.
///
/// Example:  xceed-gateway key --name desk
#[derive(Debug, Args)]
pub(super) struct Key {
    /// A name for the key, for logs.
    #[arg(long, default_value = "desk")]
    name: String,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Key {
    pub(super) fn run(self) -> Result<(), Failed> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(Failed::because)?;
        let key = format!("xg_{}", hex::encode(bytes));
        let hash = hash_of(&key);
        match self.output {
            Output::Text => {
                let name = toml::Value::String(self.name);
                say(format!("key:   {key}"))?;
                say("       give it to the caller; it is shown this once")?;
                say(format!("line:  {{ name = {name}, hash = \"{hash}\", roles = [\"caller\"] }}"))?;
                say("       add it to api_keys of the tenant")?;
            }
            Output::Json => say(serde_json::json!({ "name": self.name, "key": key, "hash": hash }))?,
        }
        Ok(())
    }
}
