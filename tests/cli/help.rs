//! `--help` of every command, its examples run as they are written, and what a wrong command line hears.

use super::folder::{EVENT, Folder, SECRET, has};

/// Commands that start servers, or ask one, or read what one has recorded; the others end by themselves.
const SERVERS: [&str; 8] = ["audit", "demo", "doctor", "health", "load", "parked", "serve", "simulate"];

/// Every command that the program lists.
fn commands() -> Vec<String> {
    let help = Folder::new().run(&["--help"]).done();
    let list =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The command lines that a command's help shows.
fn examples(command: &str) -> Vec<Vec<String>> {
    let help = Folder::new().run(&[command, "--help"]).done();
    let start = format!("  xceed-gateway {command}");
    let lines = help.lines().filter(|line| !line.starts_with("Usage"));
    let found = lines.filter_map(|line| Some(line[line.find(&start)?..].trim()));
    found.map(|line| line.split_whitespace().skip(1).map(str::to_owned).collect()).collect()
}

/// A folder with the files that the examples name.
fn prepared() -> Folder {
    let folder = Folder::with_tenant();
    folder.write("event.json", EVENT);
    folder.write("body.json", r#"{ "contactId": 4711, "amount": "12.50", "eventType": "BillPay" }"#);
    folder.write("secret.key", format!("{SECRET}\n"));
    folder.copy("xsd", "xsd");
    let payload = folder.run(&["translate", "event.json", "--output", "json"]).json();
    folder.write("payload.xml", payload["payload"].as_str().expect("a payload"));
    folder
}

#[test]
fn every_command_has_an_example_and_what_needs_no_server_runs_as_it_is_written() {
    let folder = prepared();
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in &commands {
        let examples = examples(command);
        assert!(!examples.is_empty(), "{command} --help shows no example");
        for example in examples.iter().filter(|_| !SERVERS.contains(&command.as_str())) {
            let arguments: Vec<&str> = example.iter().map(String::as_str).collect();
            let ended = folder.run(&arguments);
            assert_eq!(ended.code, Some(0), "{example:?}: {ended:?}");
        }
    }
}

#[test]
fn a_wrong_command_line_is_usage() {
    let folder = Folder::new();
    for command in commands() {
        let complaint = folder.run(&[&command, "--no-such-flag"]).misused();
        has(&complaint, &["--no-such-flag", "--help"]);
    }
    has(&folder.run(&["no-such-command"]).misused(), &["no-such-command"]);
    has(&folder.run(&[]).misused(), &["Usage", "translate"]);
    has(&folder.run(&["check", "--output", "yaml"]).misused(), &["text", "json"]);
}

#[test]
fn it_tells_its_version_and_where_to_start() {
    let folder = Folder::new();
    let version = folder.run(&["--version"]).done();
    has(&version, &[concat!("xceed-gateway ", env!("CARGO_PKG_VERSION"), " (")]);
    let commit = version.trim().split_once('(').map(|(_, rest)| rest.trim_end_matches(')').to_owned());
    // The commit and its day, or that there was no git.
    let commit = commit.expect("the commit it was built of");
    let is_commit = commit.len() == 24 && commit[..12].bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || commit == "unknown", "{version}");
    has(&folder.run(&["--help"]).done(), &["xceed-gateway demo"]);
}
