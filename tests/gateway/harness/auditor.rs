//! An auditor: the commands that read a gateway's trail, and what lies in its folder.

use super::gateway::Gateway;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a command ended with.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// `xceed-gateway audit …` on the configuration in this folder.
pub(crate) fn audit(folder: &Path, arguments: &[&str]) -> Ended {
    audit_of(folder, arguments, "")
}

/// The same, with this on its standard input.
pub(crate) fn audit_of(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
    command.arg("audit").args(arguments).arg("--config").arg(folder.join("gateway.toml"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut started = command.spawn().expect("the program can be started");
    let mut stdin = started.stdin.take().expect("it is piped");
    // Who reads nothing may have ended by now.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    started.wait_with_output().expect("it ends").into()
}

/// What `audit verify` says, which goes with how it ends.
#[track_caller]
pub(crate) fn verified(folder: &Path) -> Value {
    let ended = audit(folder, &["verify", "--output", "json"]);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {ended:?}"));
    assert_eq!(ended.code, Some(if said["ok"] == true { 0 } else { 1 }), "{ended:?}");
    said
}

/// The lines of `audit export`.
#[track_caller]
pub(crate) fn exported(folder: &Path, filters: &[&str]) -> Vec<Value> {
    let ended = audit(folder, &[&["export"], filters].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// An entry's text, as the export has it.
pub(crate) fn body(line: &Value) -> Value {
    serde_json::from_str(line["body"].as_str().expect("a text")).expect("JSON")
}

impl Gateway {
    /// The folder that everything of it lies in.
    pub(crate) fn folder(&self) -> PathBuf {
        self.file("")
    }

    /// How many checkpoints there are.
    pub(crate) fn checkpoints(&self) -> usize {
        fs::read_to_string(self.file("audit.checkpoints")).map_or(0, |text| text.lines().count())
    }
}
