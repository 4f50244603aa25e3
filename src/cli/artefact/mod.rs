//! `xceed-gateway artefact`

mod answer;
mod cxone;
mod genesys;
mod inputs;
mod lint;

use super::input;
use super::shell::{Failed, Output, say};
use super::tenant::{Chosen, TenantOption};
use crate::domain::policy::FallbackPolicy;
use crate::sources::{Form, SourceSettings};
use clap::{Args, Subcommand};
use genesys::Escape;
use inputs::{Input, inputs};
use std::path::PathBuf;
use std::time::Duration;

/// Where a gateway is reached that nobody has named.
const URL: &str = "https://gateway.example";
/// The platform waits so much longer than the gateway, in seconds.
const MARGIN: u64 = 2;
/// The largest file that is looked at.
const SIZE_MAX: usize = 1024 * 1024;

/// Writes what a platform imports to call a source, and finds what is wrong with such a file.
///
/// Example:  xceed-gateway artefact genesys genesys-assess
///
/// For CXone Studio:  xceed-gateway artefact cxone cxone-assess --url https://gateway.bank.example
#[derive(Debug, Args)]
pub(super) struct Artefact {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A Genesys Cloud data action (web services), as JSON to import.
    ///
    /// Example:  xceed-gateway artefact genesys genesys-assess
    Genesys {
        #[command(flatten)]
        source: Chose,
        /// What the escaping function is called; Genesys knows it by both names.
        #[arg(long, value_enum, default_value = "jsonString")]
        esc: Escape,
    },
    /// The parameters of a CXone Studio REST API action, to copy.
    ///
    /// Example:  xceed-gateway artefact cxone cxone-assess --url https://gateway.bank.example
    Cxone {
        #[command(flatten)]
        source: Chose,
    },
    /// Holds a file against the platform's rules, and tells all that breaks one.
    ///
    /// Example:  xceed-gateway artefact lint action.json
    Lint {
        /// The file; - for standard input.
        file: PathBuf,
        /// How to print it.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Debug, Args)]
struct Chose {
    /// The source that is called: `genesys-assess`, or one of the configuration.
    source: String,
    /// Where the gateway is reached; otherwise `server.public_url` of the configuration.
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    tenant: TenantOption,
}

/// A call of a source.
struct Call {
    source: String,
    url: String,
    inputs: Vec<Input>,
    timeout_seconds: u64,
    /// What the tenant does without an answer.
    fallback: FallbackPolicy,
}

impl Artefact {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self.what {
            What::Genesys { source, esc } => say(genesys::write(&source.call()?, esc)),
            What::Cxone { source } => say(cxone::write(&source.call()?)),
            What::Lint { file, output } => {
                let text = input::read_text(&file, SIZE_MAX)?;
                lint::tell(&lint::findings(&text), output)
            }
        }
    }
}

impl Chose {
    fn call(&self) -> Result<Call, Failed> {
        let chosen = self.tenant.choose(None, None)?;
        let source = chosen.source(&self.source)?;
        if source.form() == Form::Full {
            return Err(Failed::because(format!(
                "{}: answers with the whole decision, in which values may be null, and platforms can't read that: set answer = \"flat\"",
                self.source
            )));
        }
        let (inputs, left_out) = inputs(&source);
        for member in left_out {
            eprintln!("left out: {member}");
        }
        let deadline = source.deadline().unwrap_or(chosen.policy.deadline);
        Ok(Call {
            source: self.source.clone(),
            url: self.url(&chosen)? + &SourceSettings::address(&self.source),
            inputs,
            timeout_seconds: seconds(deadline) + MARGIN,
            fallback: chosen.policy.fallback,
        })
    }

    fn url(&self, chosen: &Chosen) -> Result<String, Failed> {
        let url = self.url.as_deref().or(chosen.public_url.as_deref()).unwrap_or(URL).trim_end_matches('/');
        let sound = reqwest::Url::parse(url)
            .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        if sound {
            Ok(url.to_owned())
        } else {
            Err(Failed::because("--url: must be like https://gateway.bank.example"))
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
