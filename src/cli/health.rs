//! `xceed-gateway health`

use super::remote::Watched;
use super::shell::{Failed, Output, say};
use clap::Args;
use serde_json::Value;

/// Asks a gateway that runs whether it can take events in: exit status 0 where it can, 1 where it can't or does not answer.
/// It needs no key and no configuration, so containers and service managers can ask it.
///
/// Example:  xceed-gateway health --url http://127.0.0.1:8081
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Where the gateway is: its `server.admin_bind`, where it has one.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Asks only whether the process serves, whatever it can take in.
    #[arg(long)]
    live: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Health {
    pub(super) fn run(self) -> Result<(), Failed> {
        let target = if self.live { "/healthz" } else { "/readyz" };
        let gateway = Watched::at(&self.url)?;
        let (is_well, body) = actix_web::rt::System::new().block_on(gateway.ask(target))?;
        match self.output {
            Output::Json => say(&body)?,
            Output::Text if is_well && self.live => say("it serves")?,
            Output::Text if is_well => say("it can take events in")?,
            Output::Text => {}
        }
        if is_well {
            Ok(())
        } else {
            Err(Failed::because(format!("it can't take events in: {}", why(&body))))
        }
    }
}

/// Its own reasons.
fn why(body: &Value) -> String {
    let reasons: Vec<_> =
        body["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if reasons.is_empty() { "it did not say why".to_owned() } else { reasons.join(", ") }
}
