//! `xceed-gateway serve`

use super::closed::close_to_others;
use super::shell::{ConfigFile, Failed};
use super::signals::Signals;
use super::watch::Watch;
use crate::app::App;
use crate::telemetry::{self, Format};
use clap::{Args, ValueEnum};

/// Serves callers until it is told to stop.
///
/// Example:  xceed-gateway serve --config gateway.toml
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// How log lines look.
    #[arg(long, value_enum, default_value = "text")]
    log: Log,
    /// Lets debuggers and core dumps see the process's memory, in which secrets are.
    #[arg(long)]
    dumpable: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Log {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failed> {
        if !self.dumpable {
            close_to_others();
        }
        let signals = Signals::take()?;
        telemetry::start(
            match self.log {
                Log::Text => Format::Text,
                Log::Json => Format::Json,
            },
            telemetry::SERVICE,
        );
        telemetry::keep_panics_quiet();
        tracing::info!(version = super::VERSION, "starting");
        let config = self.config.read()?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let (tenants, content) = (config.tenants.len(), config.content);
        let app = App::start(config).map_err(Failed)?;
        let hangups = signals.hangups();
        let asked = signals.serving();
        if let Some(admin) = app.admin {
            tracing::info!(admin = %admin, "health is asked elsewhere");
        }
        tracing::info!(address = %app.address, tenants, "serving");
        let watched = Watch { config: self.config, reloader: app.reloader(), hangups, content };
        let serve = async {
            let watching = actix_web::rt::spawn(watched.run());
            let served = app.run(asked).await;
            watching.abort();
            served
        };
        actix_web::rt::System::new().block_on(serve).map_err(Failed::because)?;
        tracing::info!("stopped");
        Ok(())
    }
}
