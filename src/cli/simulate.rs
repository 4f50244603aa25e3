//! `xceed-gateway simulate`

use super::shell::{ConfigFile, Failed};
use crate::app::Sets;
use crate::config::Config;
use crate::simulator::{self, Scenario, Settings, Tenant};
use crate::telemetry::{self, Format};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Plays Xceed: takes what a gateway with this configuration would send, and answers as it is told.
///
/// Example:  xceed-gateway simulate --config gateway.toml --bind 127.0.0.1:9090
#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    config: ConfigFile,
    /// The address to listen at.
    #[arg(long, default_value = "127.0.0.1:9090")]
    bind: SocketAddr,
    /// A TOML file with [[rules]] that say how to answer which event.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Where scores are called back to, without the callback id at the end. Unless it is given, that is
    /// the gateway of this configuration.
    #[arg(long, value_name = "URL")]
    callback_base: Option<String>,
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failed> {
        telemetry::start(Format::Text, telemetry::SERVICE);
        let config = self.config.read()?;
        let sets = Sets::compile(&config.documents).map_err(Failed)?;
        let mut settings = settings(self.bind, &config, &sets);
        if self.callback_base.is_some() {
            settings.callback_base = self.callback_base;
        }
        if let Some(file) = &self.rules {
            settings.scenario = read_rules(file)?;
        }
        actix_web::rt::System::new().block_on(async {
            let running = simulator::start(settings).await.map_err(Failed::because)?;
            tracing::info!(address = %running.address(), "playing Xceed; GET / tells how to make it misbehave");
            told_to_stop().await.map_err(Failed::because)?;
            running.stop().await;
            Ok(())
        })
    }
}

/// Ends at Ctrl-C, or as a service manager asks.
async fn told_to_stop() -> std::io::Result<()> {
    use actix_web::rt::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn read_rules(file: &PathBuf) -> Result<Scenario, Failed> {
    let place = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Failed::because(format!("{place}: {error}")))?;
    toml::from_str(&text).map_err(|error| Failed::because(format!("{place}: {error}")))
}

/// A simulator that knows the tenants of a configuration, validates with its schema sets, and calls its gateway back.
pub(super) fn settings(bind: SocketAddr, config: &Config, sets: &Sets) -> Settings {
    let tenant = |link: &crate::xceed::link::Settings| Tenant {
        platform_id: link.platform_id.clone(),
        service_id: link.service_id.clone(),
        secret_keys: std::iter::once(&link.secret_key)
            .chain(&link.secret_key_next)
            .map(|key| key.expose().to_owned())
            .collect(),
        channels: std::iter::once(&link.channel).chain(link.channels.values()).cloned().collect(),
    };
    let tenants = config.tenants.iter().map(|settings| tenant(&settings.link)).collect();
    let versions = sets.versions.keys().cloned().collect();
    let callback_base = Some(callback_base(config));
    let webhooks = config.tenants.iter().flat_map(|settings| &settings.platforms.webhooks);
    let webhooks = webhooks.map(|webhook| {
        let secrets = std::iter::once(&webhook.secret).chain(&webhook.secret_previous);
        (webhook.name.clone(), secrets.map(|secret| secret.expose().to_owned()).collect())
    });
    let webhooks = webhooks.collect();
    Settings { callback_base, webhooks, ..Settings::new(bind, tenants, versions, validate(sets)) }
}

/// Where the gateway of a configuration is called back.
fn callback_base(config: &Config) -> String {
    let here = || format!("http://{}", config.server.bind);
    let public_url = config.server.public_url.clone().unwrap_or_else(here);
    format!("{}/xceed/callback", public_url.trim_end_matches('/'))
}

/// Xceed's own look at a payload: by the schema set that its version attribute names.
fn validate(sets: &Sets) -> simulator::Validate {
    let versions = sets.versions.clone();
    Arc::new(move |version: &str, payload: &str| {
        let Some(version) = versions.get(version) else {
            return vec![(None, "no schema set of this version".to_owned())];
        };
        let violations = version.set.validate(payload);
        violations.into_iter().map(|v| (None, format!("{}: {}", v.path.join("/"), v.message))).collect()
    })
}
