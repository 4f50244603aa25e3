//! No secret appears in what any command prints, whatever is done wrong with it.

use super::folder::{EVENT, Ended, Folder, SECRET, VARIABLE, configuration, digits, has, root, tenant};
use super::serving::{exchange, free_address};

#[track_caller]
fn keeps_its_secret(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.to_lowercase().contains(SECRET), "the secret key is in:\n{text}");
    }
}

#[test]
fn no_command_prints_the_secret_key() {
    let folder = Folder::with_tenant();
    folder.write("secret.key", SECRET);
    folder.write("event.json", EVENT);
    folder.write("payload.xml", "<Events version='1.0'/>");
    let zeros = "0".repeat(40);
    let ids =
        ["--platform-id", "3", "--service-id", "210021", "--channel", "Wire", "--payload", "payload.xml"];
    let with_ids = |more: &[&'static str]| [["sign"].as_slice(), &ids, more].concat();
    for arguments in [
        vec!["check"],
        vec!["check", "--output", "json"],
        vec!["key"],
        vec!["translate", "event.json", "--config", "gateway.toml"],
        vec!["translate", "event.json", "--config", "gateway.toml", "--output", "json"],
        vec!["validate", "event.json", "--config", "gateway.toml"],
        vec!["validate", "payload.xml", "--config", "gateway.toml", "--output", "json"],
        vec!["sign", "--config", "gateway.toml", "--payload", "payload.xml"],
        vec!["sign", "--config", "gateway.toml", "--payload", "payload.xml", "--explain", &zeros],
        with_ids(&["--secret-file", "secret.key"]),
        with_ids(&["--secret-env", VARIABLE, "--output", "json"]),
        // The secret key itself where its place is to be named.
        with_ids(&["--secret-file", SECRET]),
        with_ids(&["--secret-env", SECRET]),
    ] {
        keeps_its_secret(&folder.run(&arguments));
    }
}

#[test]
fn a_secret_key_that_is_configured_wrongly_is_told_without_it() {
    let mut folder = Folder::with_tenant();
    let text = configuration(&root().join("xsd"), "");
    let source = format!("{{ env = \"{VARIABLE}\" }}");
    assert!(text.contains(&source));
    for wrong in [
        format!("\"{SECRET}\""),
        format!("{{ key = \"{SECRET}\" }}"),
        format!("{{ file = \"{SECRET}\" }}"),
        format!("[\"{SECRET}\"]"),
        // No TOML at all.
        format!("\"{SECRET}"),
        SECRET.to_owned(),
    ] {
        folder.write("gateway.toml", text.replace(&source, &wrong));
        let ended = folder.run(&["check"]);
        keeps_its_secret(&ended);
        has(&ended.failed(), &["error: "]);
        keeps_its_secret(&folder.run(&["check", "--output", "json"]));
        keeps_its_secret(&folder.run(&["serve"]));
    }
    folder.write("gateway.toml", &text);
    for wrong in [format!("{SECRET} "), SECRET.to_uppercase(), format!("{{{SECRET}")] {
        folder.set("XCEED_GATEWAY__TENANTS__FIRST_BANK__XCEED__SECRET_KEY", &wrong);
        let ended = folder.run(&["check"]);
        keeps_its_secret(&ended);
        has(&ended.failed(), &["tenants.first-bank.xceed.secret_key"]);
    }
}

#[test]
fn two_tenants_under_one_secret_key_are_told_without_it() {
    let folder = Folder::with_tenant();
    let second = tenant("second-bank", "channel = \"WireX\"");
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + &second);
    let ended = folder.run(&["check"]);
    keeps_its_secret(&ended);
    has(&ended.failed(), &["first-bank and second-bank"]);
}

#[test]
fn the_most_talkative_log_holds_neither_the_secret_key_nor_the_api_key_nor_the_customer() {
    let address = free_address();
    let mut folder = Folder::with_tenant();
    folder.set("RUST_LOG", "trace");
    let told = folder.run(&["key", "--output", "json"]).json();
    let (key, hash) = (told["key"].as_str().unwrap(), told["hash"].as_str().unwrap());
    let text = configuration(&root().join("xsd"), "").replace("127.0.0.1:0", &address.to_string());
    folder
        .write("gateway.toml", text.replace(&format!("sha256:{}", digits("sha256sum", "first-bank")), hash));
    let running = folder.start(&["serve"]);
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{EVENT}",
        EVENT.len()
    );
    has(&exchange(address, &request), &["200 OK", "FALLBACK"]);
    let ended = running.terminate();
    keeps_its_secret(&ended);
    has(&ended.stderr, &["serving"]);
    assert!(!ended.stderr.contains(key), "the API key is in the log");
    assert!(!ended.stderr.contains("Söhne"), "the customer is in the log");
}

#[test]
fn nobody_else_may_look_into_a_process_that_has_secrets() {
    use std::os::unix::fs::MetadataExt;
    // As somebody who is not root: what of such a process can be looked into is that user's, else root's.
    let binary = env!("CARGO_BIN_EXE_xceed-gateway");
    let is_root = std::fs::metadata("/proc/self").expect("it is there").uid() == 0;
    let mut command = std::process::Command::new(if is_root { "setpriv" } else { binary });
    if is_root {
        command.args(["--reuid=65534", "--clear-groups", binary]);
    }
    let quiet = std::process::Stdio::null;
    let running =
        command.args(["demo", "--output", "json"]).current_dir("/").stdout(quiet()).stderr(quiet()).spawn();
    let Ok(mut running) = running else { return eprintln!("skipped: there is no setpriv here") };
    let proc = |name: &str| format!("/proc/{}/{name}", running.id());
    let is_closed = || {
        let started = std::fs::read(proc("cmdline")).is_ok_and(|line| line.starts_with(binary.as_bytes()));
        started && std::fs::metadata(proc("environ")).is_ok_and(|file| file.uid() == 0)
    };
    // Not for the moment in which one program becomes the other, but for good.
    let mut in_a_row = 0;
    for _ in 0..1000 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        in_a_row = if is_closed() { in_a_row + 1 } else { 0 };
        if in_a_row == 50 {
            break;
        }
    }
    let _ = running.kill();
    let _ = running.wait();
    assert_eq!(in_a_row, 50, "others may look into its memory");
}
