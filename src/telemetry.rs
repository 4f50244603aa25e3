//! Logs, and what time it is for them. Log lines hold ids, codes and durations; never a payload, a person or a secret.

mod clock;

pub use clock::{is_apart, now};

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Which lines a service writes unless `RUST_LOG` says otherwise.
pub const SERVICE: &str = "info,actix_server=warn,actix_http=off";

/// What is never logged, whatever `RUST_LOG` says: below this the driver shows the values of each statement.
const NEVER: &str = "tokio_postgres=info";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// Starts to log to standard error, at this level unless `RUST_LOG` says otherwise. A second call changes nothing.
pub fn start(format: Format, level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let filter = NEVER.parse().into_iter().fold(filter, EnvFilter::add_directive);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().try_init(),
    };
}
