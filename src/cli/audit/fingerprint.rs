//! `xceed-gateway audit fingerprint`: what stands for a person in the trail and in the log.

use super::key_of;
use crate::cli::input;
use crate::cli::shell::{ConfigFile, Failed, Output, say};
use clap::Args;
use std::path::Path;

/// More than any id.
const LENGTH_MAX: usize = 4096;

/// Prints what stands for a customer, an account or a phone number (`ani`) in this gateway's entries; its first 16 digits are
/// the `customer` of a log line. The value comes by standard input, so that no list of processes shows it; a line end behind
/// it is left out.
///
/// Example:  echo C-1001 | xceed-gateway audit fingerprint customer --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Fingerprint {
    #[command(flatten)]
    config: ConfigFile,
    /// What the value is.
    #[arg(value_enum)]
    what: What,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    Customer,
    Account,
    Ani,
}

impl Fingerprint {
    pub(super) fn run(self) -> Result<(), Failed> {
        let key = key_of(&self.config.read()?)?;
        let text = input::read_text(Path::new("-"), LENGTH_MAX)?;
        let value =
            text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
        if value.is_empty() {
            return Err(Failed::because(
                "nothing came by standard input; write the value there, as in: echo C-1001 | …",
            ));
        }
        let what = match self.what {
            What::Customer => "customer",
            What::Account => "account",
            What::Ani => "ani",
        };
        let (hash, log) = (hex::encode(key.hide(what, value.as_bytes())), key.name(what, value));
        match self.output {
            Output::Json => say(serde_json::json!({ "gateway": key.gateway(), what: hash, "log": log })),
            Output::Text => {
                say(format!("gateway:  {}", key.gateway()))?;
                say(format!("trail:    {hash}"))?;
                say(format!("log:      {log}"))
            }
        }
    }
}
