//! The recipe for auditors, run as it stands in the README: it needs Python and openssl, and nothing of the gateway.

use crate::harness::{Config, Ended, Folder, Gateway, Simulator, Tenant, audit, event, repository};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The README's recipe, from the line that names it to the end of its block.
fn recipe() -> String {
    let readme = fs::read_to_string(repository("README.md")).expect("there");
    let (_, from) = readme.split_once("```python\n").expect("a block of Python");
    from.split_once("```").expect("its end").0.to_owned()
}

fn run(folder: &Path, key: &str) -> Ended {
    let mut python = Command::new("python3");
    python.current_dir(folder).args(["verify.py", "trail.jsonl", "audit.checkpoints", key]);
    python.output().expect("there is a Python").into()
}

#[test]
fn the_recipe_of_the_readme_verifies_an_export_without_the_gateway() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    for n in 0..20 {
        gateway.submit(&event(&format!("e-{n}")));
    }
    let printed = audit(&gateway.folder(), &["key", "--output", "json"]).stdout;
    let printed: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    let key = printed["key"].as_str().expect("a key");
    assert!(gateway.terminate().success());
    let export = audit(&gateway.folder(), &["export"]).stdout;
    let folder = Folder::new();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("verify.py", &recipe());
    let checkpoints = fs::read_to_string(gateway.file("audit.checkpoints")).expect("there");
    write("audit.checkpoints", &checkpoints);
    write("trail.jsonl", &export);
    let good = run(folder.path(), key);
    assert!(good.code == Some(0) && good.stdout.contains("61 entries"), "{good:?}");

    let lines: Vec<&str> = export.lines().collect();
    let other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_ne!(run(folder.path(), other).code, Some(0), "another key");
    for (what, text) in [
        ("an edit", export.replacen("accepted", "accepter", 2)),
        ("a flag beside the text", export.replacen("\"kind\":\"accepted\"", "\"kind\":\"late\"", 1)),
        ("a deletion", [&lines[..7], &lines[8..]].concat().join("\n")),
        ("a cut tail", lines[..40].join("\n")),
    ] {
        write("trail.jsonl", &text);
        let bad = run(folder.path(), key);
        assert!(bad.code != Some(0) && !bad.stderr.is_empty(), "{what}: {bad:?}");
    }
    write("trail.jsonl", &export);
    let last = checkpoints.lines().last().expect("a line");
    write("audit.checkpoints", &last.replace("\"at\":\"20", "\"at\":\"19"));
    assert_ne!(run(folder.path(), key).code, Some(0), "a checkpoint that nobody signed");
}
