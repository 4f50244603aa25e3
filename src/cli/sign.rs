//! `xceed-gateway sign`

use super::input;
use super::shell::{Failed, Output, say};
use super::tenant::{TenantOption, link_settings};
use crate::config::{Config, Documents};
use crate::secrets::Secret;
use crate::xceed::explain::{Explanation, Signing, TRIED, explain, read_hash};
use crate::xceed::link::Settings;
use crate::xceed::operations::{ApiSet, Values};
use crate::xceed::schema::MAX_DOCUMENT_BYTES;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Prints the hash of a payload, as it is sent in hashKey; or finds out why another program's hash differs.
///
/// Example:  xceed-gateway sign --platform-id 3 --service-id 210021 --channel Wire --secret-file secret.key --payload payload.xml
///
/// With a tenant's ids and secret key:  xceed-gateway sign --config gateway.toml --payload payload.xml
///
/// The file is signed byte for byte, a line end behind it included. A secret key is never taken from the command line,
/// where others could read it: it comes from a file or from the environment.
///
/// With --explain and the hash that differs, the usual mistakes are tried, alone and in pairs, until one gives that hash.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// The payload, byte for byte as it is signed; - for standard input.
    #[arg(long, value_name = "FILE")]
    payload: PathBuf,
    /// Issued by the vendor.
    #[arg(long, value_name = "DIGITS", required_unless_present = "config", conflicts_with = "config")]
    platform_id: Option<String>,
    /// Issued by the vendor.
    #[arg(long, value_name = "DIGITS", required_unless_present = "config", conflicts_with = "config")]
    service_id: Option<String>,
    /// The channel of the request; with a configuration: another than the tenant's.
    #[arg(long, value_name = "WORD", required_unless_present = "config")]
    channel: Option<String>,
    #[command(flatten)]
    secret: SecretOption,
    /// The callback id, for a request whose score comes by callback.
    #[arg(long, value_name = "ID")]
    callback_id: Option<String>,
    /// The hash that differs: finds out why.
    #[arg(long, value_name = "HASH", value_parser = hash)]
    explain: Option<String>,
    #[command(flatten)]
    tenant: TenantOption,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

/// Where the secret key is.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct SecretOption {
    /// A file that holds the secret key; one line end behind it does not count.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "config",
        required_unless_present_any = ["config", "secret_env"]
    )]
    secret_file: Option<PathBuf>,
    /// The name of an environment variable that holds the secret key.
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    secret_env: Option<String>,
}

/// What to sign with, and the messages whose hash it is.
struct Signer {
    link: Settings,
    /// Channels that the tenant has as well.
    other_channels: Vec<String>,
    api: ApiSet,
}

fn hash(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    match (text.len(), read_hash(text)) {
        (_, Some(_)) => Ok(text.to_owned()),
        (32, None) => Err("32 digits are an MD5; hashKey is SHA-1, which has 40 hexadecimal digits"),
        (64, None) => Err("64 digits are a SHA-256; hashKey is SHA-1, which has 40 hexadecimal digits"),
        (28, None) => Err("28 characters may be Base64; hashKey is written in 40 hexadecimal digits"),
        _ => Err("must be 40 hexadecimal digits"),
    }
}

impl Sign {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Signer { link, other_channels, api } = self.signer()?;
        let option =
            |field: &str| format!("--{}", field.replace('_', "-").replace("secret-key", "secret-file"));
        let faults = link.faults().into_iter().map(|(field, rule)| format!("{}: {rule}", option(field)));
        let faults: Vec<_> = faults.collect();
        if !faults.is_empty() {
            return Err(Failed(faults));
        }
        let payload = input::read_text(&self.payload, MAX_DOCUMENT_BYTES)?;
        let operation = if self.callback_id.is_some() { &api.add_async_event } else { &api.add_event };
        let values = Values {
            platform_id: &link.platform_id,
            service_id: &link.service_id,
            channel: &link.channel,
            secret_key: link.secret_key.expose(),
            payload: &payload,
            response_required: true,
            num_events: "1",
            callback_id: self.callback_id.as_deref().unwrap_or_default(),
        };
        match &self.explain {
            None => self.print_hash(&operation.hash(&values), &payload),
            Some(given) => {
                let signing = Signing {
                    fields: &operation.hashed(&values),
                    case: operation.case(),
                    callback_id: self.callback_id.as_deref(),
                    next_key: link.secret_key_next.as_ref().map(Secret::expose),
                    other_channels: &other_channels.iter().map(String::as_str).collect::<Vec<_>>(),
                };
                self.print_explanation(&signing, &operation.hash(&values), given, &payload)
            }
        }
    }

    fn signer(&self) -> Result<Signer, Failed> {
        let (mut link, documents) = match &self.tenant.config {
            Some(file) => {
                let config = Config::read(file).map_err(Failed)?;
                (self.tenant.pick(&config)?.link.clone(), config.documents)
            }
            None => {
                let id = |id: &Option<String>| id.clone().unwrap_or_default();
                let (platform_id, service_id) = (id(&self.platform_id), id(&self.service_id));
                let secret_key = self.secret.read()?;
                (
                    link_settings(&platform_id, &service_id, &id(&self.channel), secret_key),
                    Documents::shipped(),
                )
            }
        };
        let mut other_channels: Vec<String> = link.channels.values().cloned().collect();
        if let Some(channel) = &self.channel {
            other_channels.push(std::mem::replace(&mut link.channel, channel.clone()));
        }
        let api = ApiSet::compile(&documents.operations).map_err(Failed)?;
        Ok(Signer { link, other_channels, api })
    }

    fn print_hash(&self, hash: &str, payload: &str) -> Result<(), Failed> {
        for warning in warnings(payload) {
            eprintln!("warning: {warning}");
        }
        match self.output {
            Output::Text => say(hash),
            Output::Json => say(json!({ "hash": hash })),
        }
    }

    fn print_explanation(
        &self,
        signing: &Signing<'_>,
        right: &str,
        given: &str,
        payload: &str,
    ) -> Result<(), Failed> {
        let explanation = explain(signing, given);
        match self.output {
            Output::Text => print_text(&explanation, right, given, payload),
            Output::Json => {
                say(json(&explanation, right, given))?;
                if explanation.mistakes.is_some() { Ok(()) } else { Err(Failed(Vec::new())) }
            }
        }
    }
}

fn print_text(explanation: &Explanation, right: &str, given: &str, payload: &str) -> Result<(), Failed> {
    say(format!("given:  {given}"))?;
    say(format!("right:  {right}"))?;
    let Some(mistakes) = &explanation.mistakes else {
        return Err(Failed(unexplained(explanation, payload)));
    };
    if mistakes.is_empty() {
        return say("The hash is right. If it is refused all the same, the other side signs something else.");
    }
    for told in mistakes {
        say(format!("Found:  {}.", told.mistake))?;
        say(format!("        What to do: {}.", told.cure))?;
    }
    Ok(())
}

fn unexplained(explanation: &Explanation, payload: &str) -> Vec<String> {
    let tried = explanation.tried;
    let how = if explanation.all_pairs { "alone and in pairs" } else { "alone, and some in pairs" };
    let mut errors = vec![format!("no usual mistake gives this hash; {tried} were tried, {how}: {TRIED}")];
    if !explanation.all_pairs {
        errors.push("the payload is too large to try all pairs; try again with a smaller one".to_owned());
    }
    errors.push(
        "so it is most likely of another payload (compare the two byte by byte), of another secret key, or of other ids"
            .to_owned(),
    );
    errors.extend(warnings(payload));
    errors
}

fn json(explanation: &Explanation, right: &str, given: &str) -> Value {
    let mistakes = explanation.mistakes.as_ref().map(|mistakes| {
        mistakes.iter().map(|told| json!({ "mistake": told.mistake, "cure": told.cure })).collect::<Vec<_>>()
    });
    json!({
        "given": given,
        "hash": right,
        "explained": mistakes.is_some(),
        "mistakes": mistakes.unwrap_or_default(),
        "tried": explanation.tried,
        "allPairs": explanation.all_pairs,
    })
}

/// What in a payload does not survive the way to Xceed, or is hardly meant.
fn warnings(payload: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut add = |is_so: bool, what: &str| {
        if is_so {
            warnings.push(format!("the payload {what}"));
        }
    };
    add(
        payload.starts_with('\u{feff}'),
        "begins with a byte order mark, which is signed too: save it without one",
    );
    add(payload.contains('\r'), "holds a carriage return, which no parser hands over: write LF alone");
    add(
        payload.ends_with('\n'),
        "ends with a line end, which is signed too: payloads of the gateway have none",
    );
    warnings
}

impl SecretOption {
    /// Neither what is named nor what is in it is ever repeated: the name may be the secret itself, by mistake.
    fn read(&self) -> Result<Secret, Failed> {
        let read = match (&self.secret_file, &self.secret_env) {
            (Some(file), _) => read_secret(file),
            (None, Some(name)) => std::env::var(name).map_err(|_| {
                "--secret-env: names a variable that is not set; give the variable's name, not the secret key".to_owned()
            }),
            (None, None) => Err("the secret key is missing: name its file with --secret-file, or its variable with \
                                 --secret-env"
                .to_owned()),
        };
        let text = read.map_err(Failed::because)?;
        Ok(Secret::new(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
    }
}

fn read_secret(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| {
        format!("--secret-file: can't be read ({error}); give the file's name, not the secret key")
    })
}
