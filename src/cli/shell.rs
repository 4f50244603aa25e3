//! What every command shares with the shell it runs in: the configuration file, how results are printed, how it fails.

use crate::config::Config;
use clap::ValueEnum;
use std::io::Write;
use std::path::PathBuf;

/// The configuration file, for commands that need one.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
}

impl ConfigFile {
    /// Reads it.
    pub(super) fn read(&self) -> Result<Config, Failed> {
        Config::read(&self.config).map_err(Failed)
    }
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people.
    Text,
    /// For programs: one JSON object for each line.
    Json,
}

/// Why a command failed: one sentence for each thing that is wrong.
#[derive(Debug)]
pub(super) struct Failed(pub(super) Vec<String>);

impl Failed {
    /// One thing is wrong.
    pub(super) fn because(error: impl std::fmt::Display) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Prints a line.
///
/// # Errors
/// Whoever read it has left, as `head` does; there is nothing to say about that.
pub(super) fn say(line: impl std::fmt::Display) -> Result<(), Failed> {
    writeln!(std::io::stdout(), "{line}").map_err(|_| Failed(Vec::new()))
}
