//! The command line: one file for each command.

mod check;
mod key;
mod serve;
mod simulate;

use crate::config::Config;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Brings contact-center events to NICE Actimize Xceed and answers with a decision, in time.
#[derive(Debug, Parser)]
#[command(name = "xceed-gateway", version, about, after_help = "Start here:  xceed-gateway demo")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Simulate(simulate::Simulate),
    Check(check::Check),
    Key(key::Key),
}

/// The configuration file, for commands that need one.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
}

impl ConfigFile {
    fn read(&self) -> Result<Config, Failed> {
        Config::read(&self.config).map_err(Failed)
    }
}

/// How a command prints its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs: one JSON object for each line.
    Json,
}

/// Why a command failed: one sentence for each thing that is wrong.
#[derive(Debug)]
struct Failed(Vec<String>);

impl Failed {
    fn because(error: impl std::fmt::Display) -> Self {
        Self(vec![error.to_string()])
    }
}

/// Runs a command: 0 done, 1 failed; clap ends with 2 where the command line is wrong.
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Serve(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Key(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(errors)) => {
            for error in errors {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
