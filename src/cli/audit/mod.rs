//! `xceed-gateway audit`: holds the audit trail against its checkpoints, and hands it to auditors. Reads alone, also
//! while the gateway runs.

mod export;
mod fingerprint;

use super::shell::{ConfigFile, Failed, Output, say};
use crate::config::Config;
use crate::store::audit::{Finding, Key, Public, Report, gateway_of, read_checkpoints, verify};
use crate::store::entries;
use clap::{Args, Subcommand};
use export::Export;
use fingerprint::Fingerprint;

/// Verifies the audit trail, exports it, or prints the public key that its checkpoints are signed with, or what stands for a
/// person in it.
///
/// Example:  xceed-gateway audit verify --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Verify(Verify),
    Export(Export),
    Key(PrintKey),
    Fingerprint(Fingerprint),
}

/// Holds every entry against the one before it and against the signed checkpoints. Names the first bad entry; exits
/// with 1 where there is one.
///
/// Example:  xceed-gateway audit verify --config gateway.toml --output json
#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    config: ConfigFile,
    /// A public key, as `audit key` prints it, instead of that of the configuration. May be given more than once.
    #[arg(long = "key", value_name = "HEX", value_parser = read_public)]
    keys: Vec<Public>,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Prints the public key, which auditors keep elsewhere, and the gateway's name in the trail.
///
/// Example:  xceed-gateway audit key --config gateway.toml
#[derive(Debug, Args)]
struct PrintKey {
    #[command(flatten)]
    config: ConfigFile,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Audit {
    pub(super) fn run(self) -> Result<(), Failed> {
        match self.act {
            Act::Verify(verify) => verify.run(),
            Act::Export(export) => export.run(),
            Act::Key(key) => key.run(),
            Act::Fingerprint(fingerprint) => fingerprint.run(),
        }
    }
}

fn read_public(text: &str) -> Result<Public, String> {
    let key = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| "a public key has 64 hexadecimal digits; `audit key` prints it".to_owned())
}

fn key_of(config: &Config) -> Result<Key, Failed> {
    let key = Key::read(&config.audit.signing_key).map_err(Failed::because)?;
    key.ok_or_else(|| {
        Failed::because(
            "the signing key is not there: the first start makes it; or name the public one with --key",
        )
    })
}

impl Verify {
    fn run(self) -> Result<(), Failed> {
        let config = self.config.read()?;
        let trusted = if self.keys.is_empty() { vec![key_of(&config)?.public()] } else { self.keys };
        // First, so that the entries go at least as far.
        let checkpoints = read_checkpoints(&config.audit.checkpoints)
            .map_err(|error| Failed::because(format!("{}: {error}", config.audit.checkpoints.display())))?;
        let entries = entries(&config.store).map_err(Failed::because)?;
        let report =
            verify(entries, &checkpoints, &trusted, config.store.is_shared()).map_err(Failed::because)?;
        match self.output {
            Output::Json => print_json(&report)?,
            Output::Text => print_text(&report)?,
        }
        if report.findings.is_empty() {
            return Ok(());
        }
        let told = self.output == Output::Json;
        Err(Failed(if told { vec![] } else { report.findings.iter().map(sentence).collect() }))
    }
}

fn sentence(finding: &Finding) -> String {
    let Finding { gateway, n, why, .. } = finding;
    if *n == 0 { why.clone() } else { format!("gateway {gateway}: entry {n} {why}") }
}

fn print_text(report: &Report) -> Result<(), Failed> {
    for note in &report.notes {
        say(format!("note: {note}"))?;
    }
    for chain in &report.chains {
        let is_bad = report.findings.iter().any(|finding| finding.gateway == chain.gateway);
        let verdict =
            if is_bad || report.findings.iter().any(|finding| finding.n == 0) { "bad" } else { "ok" };
        say(format!(
            "{verdict}: gateway {}: {} entries, {} checkpoints, {} entries behind the last one",
            chain.gateway, chain.entries, chain.checkpoints, chain.uncovered
        ))?;
    }
    Ok(())
}

fn print_json(report: &Report) -> Result<(), Failed> {
    let chains = report.chains.iter().map(|chain| {
        serde_json::json!({
            "gateway": chain.gateway,
            "entries": chain.entries,
            "checkpoints": chain.checkpoints,
            "uncovered": chain.uncovered,
        })
    });
    let findings = report.findings.iter().map(|finding| {
        serde_json::json!({
            "gateway": finding.gateway,
            "entry": finding.n,
            "to": finding.to,
            "what": finding.what.name(),
            "why": sentence(finding),
        })
    });
    say(serde_json::json!({
        "ok": report.findings.is_empty(),
        "chains": chains.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "notes": report.notes,
    }))
}

impl PrintKey {
    fn run(self) -> Result<(), Failed> {
        let public = key_of(&self.config.read()?)?.public();
        let (key, gateway) = (hex::encode(public), gateway_of(&public));
        match self.output {
            Output::Json => say(serde_json::json!({ "gateway": gateway, "key": key })),
            Output::Text => {
                say(format!("gateway: {gateway}"))?;
                say(format!("key:     {key}"))?;
                say(
                    "         Ed25519; keep it where nobody can change it, for `audit verify --key` and auditors",
                )
            }
        }
    }
}
