//! The command line: one file for each command.

mod artefact;
mod audit;
mod check;
mod closed;
mod demo;
mod doctor;
mod event;
mod health;
mod input;
mod key;
mod load;
mod parked;
mod remote;
mod serve;
mod shell;
mod sign;
mod signals;
mod simulate;
mod tenant;
mod translate;
mod validate;
mod watch;

use clap::{Parser, Subcommand};
use shell::Failed;
use std::process::ExitCode;

/// Its version, and the commit that it was built of.
use crate::telemetry::VERSION;

/// Brings contact-center events to NICE Actimize Xceed and answers with a decision, in time.
#[derive(Debug, Parser)]
#[command(name = "xceed-gateway", version = VERSION, about, after_help = "Start here:  xceed-gateway demo")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Simulate(simulate::Simulate),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Health(health::Health),
    Translate(translate::Translate),
    Validate(validate::Validate),
    Sign(sign::Sign),
    Key(key::Key),
    Load(load::Load),
    Parked(parked::Parked),
    Audit(audit::Audit),
    Artefact(artefact::Artefact),
}

/// Runs a command: 0 done, 1 failed; clap ends with 2 where the command line is wrong.
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::Translate(command) => command.run(),
        Command::Validate(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Load(command) => command.run(),
        Command::Parked(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Artefact(command) => command.run(),
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
