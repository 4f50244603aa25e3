//! `xceed-gateway load`: a file of events, brought to a gateway that runs as batches.

mod columns;
mod posting;
mod progress;
mod reading;
mod screen;

use super::remote::Remote;
use super::shell::{Failed, Output};
use clap::{Args, ValueEnum};
use columns::Columns;
use posting::Posting;
use progress::{Progress, beside};
use reading::{Csv, Lines, Source};
use screen::Screen;
use std::fs::File;
use std::path::PathBuf;

/// Brings the events of a file to a gateway that runs, in batches: NDJSON, one event in each line, or CSV.
///
/// Example:  xceed-gateway load events.ndjson --key-env CALLER_KEY
///
/// In CSV the header names the event's members, such as customer.id or attributes.Branch; where it does not, a file
/// given with --map says which column is which: "Customer no" = "customer.id". A column mapped to "" is left out.
/// Amounts and booleans are written as such, everything else is text, and an empty field is absent.
///
/// Stopped at any time, it goes on where it was when it is started again: FILE.progress keeps that. Nothing is lost, and
/// what was sent twice counts once, since each event has its id. Lines that can't be taken are in FILE.failures.ndjson.
///
/// Ends with 1 where a line could not be taken.
#[derive(Debug, Args)]
pub(super) struct Load {
    /// The file. What it is tells its name: .csv, or else NDJSON.
    file: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// How Xceed takes the events in.
    #[arg(long, value_enum, default_value = "ack")]
    mode: Mode,
    /// What the file is, whatever its name.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// TOML that says which column of a CSV file is which member of the event.
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// What stands between the fields of a CSV file.
    #[arg(long, value_name = "CHARACTER", default_value = ",")]
    delimiter: char,
    /// So many lines make a batch, unless they are over 4 MiB.
    #[arg(long, value_name = "LINES", default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Ends once everything is taken in, and does not wait until it is sent.
    #[arg(long)]
    no_wait: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Acknowledged once it has them.
    Ack,
    /// Acknowledged at once, and processed behind.
    Async,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object in each line.
    Ndjson,
    /// A header, and a record for each event.
    Csv,
}

impl Load {
    pub(super) fn run(self) -> Result<(), Failed> {
        let gateway = self.remote.gateway()?;
        let mode = if self.mode == Mode::Async { "async" } else { "ack" };
        let mut file = File::open(&self.file)
            .map_err(|error| Failed::because(format!("{}: {error}", self.file.display())))?;
        let progress = Progress::open(&self.file, &mut file, (&gateway.url, mode))?;
        let source = self.source(file, &progress)?;
        let screen = Screen::new(self.output, progress.size());
        let failures = beside(&self.file, "failures.ndjson");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failed::because)?;
        let mut posting = Posting::new(gateway, (mode, usize::from(self.batch)), progress, screen, failures)?;
        runtime.block_on(async {
            posting.send(source).await?;
            if !self.no_wait {
                posting.wait().await?;
            }
            posting.end(self.no_wait)
        })
    }

    /// The events that are still to be sent.
    fn source(&self, file: File, progress: &Progress) -> Result<Box<dyn Source>, Failed> {
        let is_csv = self.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let usual = if is_csv { Format::Csv } else { Format::Ndjson };
        match self.format.unwrap_or(usual) {
            Format::Ndjson => Ok(Box::new(Lines::new(file, progress.place())?)),
            Format::Csv => {
                let delimiter = u8::try_from(self.delimiter)
                    .map_err(|_| Failed::because("--delimiter must be one ASCII character"))?;
                let mut csv = Csv::new(file, delimiter)?;
                let columns = Columns::of(&csv.header()?, self.map.as_deref())?;
                Ok(Box::new(csv.behind(columns, progress.place())?))
            }
        }
    }
}
