//! The gateway's own word on its audit trail: `xceed-gateway audit verify`.

use std::path::Path;
use std::process::Command;

/// Whether the trail is as it was written; an error holds what was said.
pub(crate) fn verify(config: &Path) -> Result<(), String> {
    let said = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"))
        .args(["audit", "verify", "--config"])
        .arg(config)
        .output()
        .map_err(|error| error.to_string())?;
    if said.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Err(format!("{}: {} {}", said.status, text(&said.stdout), text(&said.stderr)))
}

/// Whether this gateway keeps an audit trail that it can verify.
pub(crate) fn is_kept() -> bool {
    let asked =
        Command::new(env!("CARGO_BIN_EXE_xceed-gateway")).args(["audit", "verify", "--help"]).output();
    asked.is_ok_and(|said| said.status.success())
}
