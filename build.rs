//! Tells the program which commit it was built of: what GATEWAY_COMMIT says, where the history is not at hand, else what git
//! says. Without both it is "unknown".

use std::process::Command;

fn main() {
    let told = std::env::var("GATEWAY_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| git(&["show", "--no-patch", "--format=%h, %cs", "--abbrev=12", "HEAD"]));
    println!("cargo::rustc-env=GATEWAY_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GATEWAY_COMMIT");
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
