//! The command line's entry.

use clap::Parser;
use std::process::ExitCode;
use xceed_gateway::cli::{Arguments, run};

fn main() -> ExitCode {
    run(Arguments::parse())
}
