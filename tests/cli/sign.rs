//! `sign`: the hash of a payload, and why another differs.

use super::folder::{Ended, Folder, SECRET, configuration, digits, has, root};

const KEY: &str = "311a5439c8bda8ef";
const PAYLOAD: &str = r#"<Events xmlns="urn:xceed:events:1.0" version="1.0"/>"#;

/// A folder with a payload and a key in a file.
fn folder(payload: &str) -> Folder {
    let folder = Folder::new();
    folder.write("payload.xml", payload);
    folder.write("secret.key", KEY);
    folder
}

fn sign(folder: &Folder, channel: &str, more: &[&str]) -> Ended {
    let arguments = ["sign", "--platform-id", "3", "--service-id", "210021", "--secret-file", "secret.key"];
    folder.run(&[&arguments, ["--channel", channel, "--payload", "payload.xml"].as_slice(), more].concat())
}

/// The vectors of the reference model.
#[test]
fn the_hash_is_that_of_another_tool() {
    let text =
        "<Events xmlns=\"urn:xceed:events:1.0\" version=\"1.0\"><n>Zoë &amp; €5 &lt;😀&gt;</n></Events>";
    let (plain, accents) = (folder(PAYLOAD), folder(text));
    for (folder, channel, more, hash) in [
        (&plain, "OLBBusiness", [].as_slice(), "d158629a5c0bfb8ccd31d5bbf895221986728cd0"),
        (&plain, "OLBBusiness", &["--callback-id", "cb-7"], "67d988e31c7a3103e1efe4ca510185285e4e4c6c"),
        (&accents, "Wire", &[], "fae28f318fdc5f5702cc9291beef902f4e404e42"),
    ] {
        assert_eq!(sign(folder, channel, more).done(), format!("{hash}\n"));
        let told = sign(folder, channel, &[more, &["--output", "json"]].concat()).json();
        assert_eq!(told, serde_json::json!({ "hash": hash }));
    }
}

#[test]
fn the_secret_key_comes_from_a_file_a_variable_or_the_configuration() {
    let mut folder = Folder::with_tenant();
    folder.set("OTHER_KEY", KEY);
    folder.write("payload.xml", PAYLOAD);
    folder.write("secret.key", format!("{KEY}\n"));
    let of = |channel: &str, key: &str| digits("sha1sum", &format!("3210021{channel}{key}{PAYLOAD}")) + "\n";
    assert_eq!(sign(&folder, "Wire", &[]).done(), of("Wire", KEY));
    let ids = ["sign", "--platform-id", "3", "--service-id", "210021", "--channel", "Wire", "--payload", "-"];
    let by_variable = [&ids, ["--secret-env", "OTHER_KEY"].as_slice()].concat();
    assert_eq!(folder.run_with(&by_variable, PAYLOAD).done(), of("Wire", KEY));
    let own = ["sign", "--config", "gateway.toml", "--payload", "payload.xml"];
    assert_eq!(folder.run(&own).done(), of("Wire", SECRET));
    assert_eq!(folder.run(&[&own, ["--channel", "ACH"].as_slice()].concat()).done(), of("ACH", SECRET));
}

#[test]
fn what_is_missing_or_in_the_way_is_usage() {
    let folder = folder(PAYLOAD);
    has(&folder.run(&["sign"]).misused(), &["--payload", "--platform-id", "--secret-file"]);
    has(
        &folder.run(&["sign", "--payload", "-", "--config", "a", "--platform-id", "3"]).misused(),
        &["--platform-id"],
    );
    has(&sign(&folder, "Wire", &["--secret-env", "A"]).misused(), &["--secret-file", "--secret-env"]);
    has(&sign(&folder, "Wire", &["--secret", KEY]).misused(), &["--secret"]);
    has(&sign(&folder, "Wire", &["--explain", "00"]).misused(), &["40 hexadecimal digits"]);
    has(&sign(&folder, "Wire", &["--explain", &"0".repeat(64)]).misused(), &["SHA-256"]);
}

#[test]
fn what_would_be_signed_ambiguously_is_refused() {
    let folder = folder(PAYLOAD);
    has(&sign(&folder, "Wire1", &[]).failed(), &["--channel: must be 1 to 32 letters"]);
    folder.write("secret.key", format!("{KEY}\r\n"));
    has(&sign(&folder, "Wire", &[]).failed(), &["--secret-file: must be 16 to 64", "line break"]);
    std::fs::remove_file(folder.path("secret.key")).unwrap();
    has(&sign(&folder, "Wire", &[]).failed(), &["--secret-file: can't be read"]);
}

#[test]
fn a_payload_that_would_not_arrive_as_it_is_signed_is_warned_of() {
    let folder = folder(&format!("\u{feff}{PAYLOAD}\r\n"));
    let ended = sign(&folder, "Wire", &[]);
    has(&ended.stderr, &["byte order mark", "carriage return", "ends with a line end"]);
    ended.done();
    assert_eq!(sign(&self::folder(PAYLOAD), "Wire", &[]).stderr, "");
    folder.write("payload.xml", b"<n>Zo\xeb</n>");
    has(&sign(&folder, "Wire", &[]).failed(), &["payload.xml: is not UTF-8"]);
}

#[test]
fn a_hash_that_differs_is_explained() {
    let folder = folder(PAYLOAD);
    for (signed, part) in [
        (format!("3210021Wire{KEY}{PAYLOAD}\n"), "a line end (LF) stood behind the payload"),
        (format!("3210021Wire{KEY}\n{PAYLOAD}"), "a line end (LF) stood behind the secret key"),
        (format!("2100213Wire{KEY}{PAYLOAD}"), "in this order: the service id, the platform id"),
        (format!("3210021wire{KEY}{}", PAYLOAD.replace('"', "'")), "single quotes"),
    ] {
        let given = digits("sha1sum", &signed);
        has(&sign(&folder, "Wire", &["--explain", &given]).done(), &[part, "What to do: "]);
        let told = sign(&folder, "Wire", &["--explain", &given, "--output", "json"]).json();
        assert_eq!(told["explained"], true);
        assert_eq!(told["given"], given);
        assert!(told["mistakes"].as_array().unwrap().iter().all(|mistake| mistake["cure"].is_string()));
    }
    let right = sign(&folder, "Wire", &[]).done();
    has(&sign(&folder, "Wire", &["--explain", right.trim()]).done(), &["The hash is right"]);
    let upper = right.trim().to_uppercase();
    has(&sign(&folder, "Wire", &["--explain", &upper]).done(), &["in upper case"]);
    let callback = sign(&folder, "Wire", &["--callback-id", "cb-7", "--explain", right.trim()]).done();
    has(&callback, &["the callback id was left out"]);
}

#[test]
fn what_a_tenant_has_besides_is_tried_too() {
    let mut folder = Folder::with_tenant();
    folder.set("NEXT_KEY", KEY);
    let link = "secret_key_next = { env = \"NEXT_KEY\" }\nchannels = { ACHTransfer = \"ACH\" }";
    folder.write("gateway.toml", configuration(&root().join("xsd"), link));
    folder.write("payload.xml", PAYLOAD);
    let given = digits("sha1sum", &format!("3210021ACH{KEY}{PAYLOAD}"));
    let ended =
        folder.run(&["sign", "--config", "gateway.toml", "--payload", "payload.xml", "--explain", &given]);
    has(&ended.done(), &["secret_key_next", "the channel ACH"]);
}

#[test]
fn a_hash_of_something_else_is_not_explained_and_it_says_what_was_tried() {
    let folder = folder(PAYLOAD);
    let given = digits("sha1sum", "something else");
    let ended = sign(&folder, "Wire", &["--explain", &given]);
    has(&ended.stderr, &["no usual mistake", "line ends", "secret key", "UTF-16", "byte by byte"]);
    ended.failed();
    let ended = sign(&folder, "Wire", &["--explain", &given, "--output", "json"]);
    let told = ended.json();
    assert_eq!((&told["explained"], told["mistakes"].as_array().unwrap().len()), (&false.into(), 0));
    assert!(told["tried"].as_u64().unwrap() > 100);
    ended.failed();
}
