//! Looks after the configuration of a gateway that runs: what has changed in its file, its sets, its sources or its secrets
//! takes effect, whole or not at all. SIGHUP asks to look at once.

use super::shell::{ConfigFile, Failed};
use crate::app::{Refused, Reloader};
use crate::config::Config;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How often the files are looked at. A change takes effect once it is found the same twice, so that a file is not taken
/// while it is being written.
const LOOK: Duration = Duration::from_secs(2);

/// What is looked after.
pub(super) struct Watch {
    pub(super) config: ConfigFile,
    pub(super) reloader: Reloader,
    pub(super) hangups: Arc<Notify>,
    /// What is in use at the start, by its content.
    pub(super) content: [u8; 32],
}

/// What a look has found.
#[derive(Clone, PartialEq, Eq)]
enum Found {
    /// A configuration, by its content.
    Sound([u8; 32]),
    /// What is wrong with it.
    Wrong(Vec<String>),
}

impl Watch {
    /// Looks after it for ever.
    pub(super) async fn run(self) {
        let mut before = Found::Sound(self.content);
        let mut settled = before.clone();
        loop {
            let is_asked = tokio::select! {
                () = self.hangups.notified() => true,
                () = sleep(LOOK) => false,
            };
            let read = self.config.read();
            let found = match &read {
                Ok(config) => Found::Sound(config.content),
                Err(Failed(errors)) => Found::Wrong(errors.clone()),
            };
            let is_steady = found == before || is_asked;
            before = found.clone();
            if !is_steady || (found == settled && !is_asked) {
                continue;
            }
            match self.take(read).await {
                Ok(()) => settled = found,
                Err(Refused::Wrong(errors)) => {
                    settled = found;
                    self.reloader.refuse();
                    for error in errors {
                        tracing::error!("the configuration was not taken, the one before goes on: {error}");
                    }
                }
                Err(Refused::NotNow(why)) => {
                    tracing::warn!(why, "the configuration was not taken yet; it is tried again");
                }
            }
        }
    }

    async fn take(&self, read: Result<Config, Failed>) -> Result<(), Refused> {
        let config = read.map_err(|Failed(errors)| Refused::Wrong(errors))?;
        let (tenants, warnings) = (config.tenants.len(), config.warnings.clone());
        let later = self.reloader.apply(config).await?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        for note in later {
            tracing::warn!("{note}");
        }
        tracing::info!(tenants, "the configuration was read anew and is in use");
        Ok(())
    }
}
