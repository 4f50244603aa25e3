//! Tells the program which commit it was built of. Without git it is "unknown".

use std::process::Command;

fn main() {
    let commit = git(&["show", "--no-patch", "--format=%h, %cs", "--abbrev=12", "HEAD"]);
    println!("cargo::rustc-env=GATEWAY_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rerun-if-changed=build.rs");
    // It moves with each commit; in a folder of its own where the checkout is one of several.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(file) = git(&["rev-parse", "--git-path", name])
            && std::path::Path::new(&file).exists()
        {
            println!("cargo::rerun-if-changed={file}");
        }
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}
