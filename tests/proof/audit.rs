//! The gateway's own word on its audit trail: `xceed-gateway audit verify`, and what `audit export` shows.

use crate::events::Key;
use crate::report::Findings;
use serde::Deserialize;
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use toml::{Table, Value};

/// Whether the trails of these gateways, which share a store or are one, are as they were written; an error holds what
/// was said.
pub(crate) fn verify(folders: &[PathBuf]) -> Result<(), String> {
    let [folder] = folders else { return verify_together(folders) };
    said(&run(&["verify"], &folder.join("gateway.toml")))
}

/// Whether this gateway keeps an audit trail that it can verify.
pub(crate) fn is_kept() -> bool {
    let asked =
        Command::new(env!("CARGO_BIN_EXE_xceed-gateway")).args(["audit", "verify", "--help"]).output();
    asked.is_ok_and(|said| said.status.success())
}

/// An auditor has the checkpoints and the public keys of all gateways that share a store.
fn verify_together(folders: &[PathBuf]) -> Result<(), String> {
    let first = folders[0].join("gateway.toml");
    let mut config: Table = fs::read_to_string(&first).expect("its configuration").parse().expect("TOML");
    let (mut arguments, mut checkpoints) = (vec!["verify".to_owned()], String::new());
    for folder in folders {
        let lines = fs::read_to_string(folder.join("audit.checkpoints")).unwrap_or_default();
        // The last one may be being written.
        checkpoints.push_str(lines.rfind('\n').map_or("", |end| &lines[..=end]));
        let key = run(&["key"], &folder.join("gateway.toml"));
        said(&key)?;
        let text = String::from_utf8_lossy(&key.stdout);
        let key =
            text.lines().find_map(|line| line.strip_prefix("key:")).expect("a public key").trim().to_owned();
        arguments.extend(["--key".to_owned(), key]);
    }
    let together = folders[0].join("auditor.checkpoints");
    fs::write(&together, checkpoints).expect("the folder can be written");
    let audit = config.entry("audit").or_insert_with(|| Value::Table(Table::new()));
    let audit = audit.as_table_mut().expect("a table");
    audit.insert("checkpoints".to_owned(), Value::String(together.display().to_string()));
    let file = folders[0].join("auditor.toml");
    fs::write(&file, config.to_string()).expect("the folder can be written");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    said(&run(&arguments, &file))
}

fn run(arguments: &[&str], config: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
    command.arg("audit").args(arguments).arg("--config").arg(config);
    command.output().expect("the program can be started")
}

fn said(ended: &Output) -> Result<(), String> {
    if ended.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Err(format!("{}: {} {}", ended.status, text(&ended.stdout), text(&ended.stderr)))
}

/// As much of an entry as matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: String,
    event_id: Option<String>,
    /// Null as long as nothing is decided.
    fraud_flag: Option<String>,
}

/// What the trail holds of the events, each of which is accepted once and decided once at most: how many were accepted
/// and how many decided.
pub(crate) fn read(folder: &Path, found: &mut Findings) -> (usize, usize) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
    command.args(["audit", "export", "--config"]).arg(folder.join("gateway.toml"));
    let mut export = command.stdout(Stdio::piped()).spawn().expect("the program can be started");
    let (mut accepted, mut decided) = (HashSet::new(), HashSet::new());
    for line in BufReader::new(export.stdout.take().expect("it is piped")).lines() {
        let entry: Entry = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let Some(key) = entry.event_id.as_deref().and_then(Key::parse) else { continue };
        let first = match (entry.kind.as_str(), entry.fraud_flag) {
            ("accepted", _) => accepted.insert(key),
            ("decision", Some(_)) => decided.insert(key),
            _ => true,
        };
        found.must(first, || format!("the audit trail has a second {} of {}", entry.kind, key.id()));
    }
    found.must(export.wait().is_ok_and(|ended| ended.success()), || "the trail can't be exported".to_owned());
    (accepted.len(), decided.len())
}
