//! `xceed-gateway translate`

use super::shell::{Failed, Output, say};
use super::tenant::{Chosen, TenantOption};
use super::{event, input};
use crate::application::ports::Prepared;
use crate::http::body::SIZE_MAX;
use crate::xceed::preview::{Preview, preview};
use crate::xceed::rewriting::indented;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Shows what becomes of an event: the payload, its hash, and the envelope that would be sent. Nothing is sent.
///
/// Example:  xceed-gateway translate event.json
///
/// With your own tenant and sets:  xceed-gateway translate event.json --config gateway.toml
///
/// What a source makes of a platform's body:  xceed-gateway translate body.json --source cxone-assess
///
/// Without a configuration an example tenant is used, with the schema sets that ship.
///
/// An event that can't be taken is told with all its faults, each as `field (element): rule: message`.
#[derive(Debug, Args)]
pub(super) struct Translate {
    /// The event as JSON, as a caller would send it; - for standard input.
    file: PathBuf,
    #[command(flatten)]
    tenant: TenantOption,
    /// Another version of the schema set than the tenant's.
    #[arg(long, value_name = "VERSION")]
    schema: Option<String>,
    /// What a source makes of the body, before anything else: `cxone-assess`, or one of the configuration.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Translate {
    pub(super) fn run(self) -> Result<(), Failed> {
        let body = input::read(&self.file, SIZE_MAX)?;
        let chosen = self.tenant.choose(None, self.schema.as_deref())?;
        let (event, prepared) = match &self.source {
            None => (None, event::prepare(&chosen, &body)),
            Some(name) => event::read(&chosen, &chosen.source(name)?, &body),
        };
        match (prepared, self.output) {
            (Ok(prepared), Output::Text) => {
                if let Some(event) = event {
                    say(format!("--- event, as the source makes it ---\n{event}\n"))?;
                }
                print(&chosen, &prepared)
            }
            (Ok(prepared), Output::Json) => print_json(&chosen, &prepared, event.as_deref()),
            (Err(faults), Output::Text) => {
                faults.iter().for_each(|fault| eprintln!("{}", event::line(fault)));
                Err(Failed::because(format!("this event can't be sent: {} to mend", faults.len())))
            }
            (Err(faults), Output::Json) => {
                say(json!({ "errors": event::errors(&faults) }))?;
                Err(Failed(Vec::new()))
            }
        }
    }
}

fn print(chosen: &Chosen, prepared: &Prepared) -> Result<(), Failed> {
    let payload = &*prepared.message.payload;
    let Preview { soap_action, hash, envelope } = preview(&chosen.link, &prepared.message);
    let defaulted =
        if prepared.defaulted.is_empty() { "nothing".to_owned() } else { prepared.defaulted.join(", ") };
    say(format!("tenant:     {}", chosen.whose))?;
    say(format!("schema:     {}", prepared.schema))?;
    say(format!("channel:    {}", prepared.message.channel))?;
    say(format!("defaulted:  {defaulted}"))?;
    say(format!("hash:       {hash}"))?;
    say(format!("SOAPAction: {soap_action}"))?;
    say("\n--- payload, pretty-printed for reading: not what is signed ---")?;
    say(indented(payload, "  ").as_deref().unwrap_or(payload).trim_start())?;
    say(format!(
        "\n--- payload, as it is signed: {} bytes, without the line end behind it ---",
        payload.len()
    ))?;
    say(payload)?;
    say("\n--- envelope, as it is sent ---")?;
    say(envelope)
}

fn print_json(chosen: &Chosen, prepared: &Prepared, event: Option<&str>) -> Result<(), Failed> {
    let Preview { soap_action, hash, envelope } = preview(&chosen.link, &prepared.message);
    let told = json!({
        "payload": &*prepared.message.payload,
        "envelope": envelope,
        "hash": hash,
        // In the header it stands in quotes.
        "soapAction": soap_action.trim_matches('"'),
        "channel": &*prepared.message.channel,
        "schema": prepared.schema,
        "defaulted": prepared.defaulted,
    });
    let mut told = told.to_string();
    if let Some(event) = event {
        // As text, since the digits of its numbers count.
        told.truncate(told.len() - 1);
        told = format!("{told},\"event\":{}}}", event.replace('\n', " "));
    }
    say(told)
}
