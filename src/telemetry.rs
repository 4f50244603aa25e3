//! Logs, metrics, traces, and what time it is for them. Log lines hold ids, codes and durations; never a payload, a person or a secret.

mod clock;
pub mod metrics;
pub mod traces;
mod vital;

pub use clock::{is_apart, now};
pub use vital::vital;

use std::io::IsTerminal;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Which lines a service writes unless `RUST_LOG` says otherwise.
pub const SERVICE: &str = "info,actix_server=warn,actix_http=off";

/// What the gateway's own lines come from.
const OWN: &str = "xceed_gateway";

/// Which gateway this is: its version, and the commit that it was built of.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("GATEWAY_COMMIT"), ")");

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
    let filter = filter.and(filter_fn(may_be_logged));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry();
    let _ = match format {
        Format::Text => registry.with(lines.with_filter(filter)).try_init(),
        Format::Json => registry.with(lines.json().with_filter(filter)).try_init(),
    };
}

/// Whatever `RUST_LOG` says: what others write below `info` may hold a header, a statement's values, a piece of a body.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().split("::").next() == Some(OWN)
}

/// A panic says where it was, and not what it says: that may hold a value.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic; please report the place");
    }));
}
