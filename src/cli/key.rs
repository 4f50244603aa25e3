//! `xceed-gateway key`

use super::{Failed, Output};
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
                println!("key:   {key}");
                println!("       give it to the caller; it is shown this once");
                println!("line:  {{ name = {name}, hash = \"{hash}\", roles = [\"caller\"] }}");
                println!("       add it to api_keys of the tenant");
            }
            Output::Json => {
                println!("{}", serde_json::json!({ "name": self.name, "key": key, "hash": hash }))
            }
        }
        Ok(())
    }
}
