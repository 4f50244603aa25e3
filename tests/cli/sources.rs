//! Sources, by `check` and `translate`: the example in `fixtures/sources`, the samples of what ships, and what is told
//! of planted mistakes.

use super::folder::{Folder, configuration, has, root};
use std::fs;

/// A folder with a configuration that has the example's source and its samples.
fn with_ivr() -> Folder {
    let folder = Folder::with_tenant();
    folder.copy("fixtures/sources", "sources");
    let more = "\n[tenants.first-bank.sources.my-ivr]\nfile = \"sources/my-ivr.toml\"\n";
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + more);
    folder
}

fn example() -> String {
    fs::read_to_string(root().join("fixtures/sources/my-ivr.toml")).expect("the example")
}

/// What `check` says of the example where this is in the place of that.
fn planted(part: &str, mistake: &str) -> String {
    let (folder, text) = (with_ivr(), example());
    assert!(text.contains(part), "{part}");
    folder.write("sources/my-ivr.toml", text.replacen(part, mistake, 1));
    folder.run(&["check", "--config", "gateway.toml"]).failed()
}

#[test]
fn a_source_of_ones_own_is_short_and_its_samples_become_the_events_beside_them() {
    assert!(example().lines().count() < 30);
    let told = with_ivr().run(&["check", "--config", "gateway.toml"]).done();
    has(&told, &["ok: sources of first-bank: my-ivr (2 samples)"]);
    assert!(!told.contains("warning"), "{told}");
}

#[test]
fn a_wrong_path_an_unknown_member_and_a_sample_that_fails_are_each_told_by_their_place() {
    let wrong = planted("interaction.ani = \"$.call.from\"", "interaction.ani = \"$.call[from]\"");
    has(&wrong, &["sources/my-ivr.toml:12: fields.interaction.ani: is no JSONPath (RFC 9535)"]);

    let unknown = planted("transaction.currency", "transaction.curency");
    has(
        &unknown,
        &[
            "sources/my-ivr.toml:17: fields.transaction.curency: is unknown",
            "nearest known member is transaction.currency",
        ],
    );

    let other = planted("$.call.from", "$.call.to");
    has(
        &other,
        &[
            "sources/my-ivr.samples/wire.json: becomes another event than sources/my-ivr.samples/wire.event.json says",
            "look at interaction.ani, fed by sources/my-ivr.toml:12",
        ],
    );

    let refused = planted("as = \"number\"", "default = 1");
    has(
        &refused,
        &[
            "sources/my-ivr.samples/wire.json: $.steps[?@.name == 'amount'].value: type: must be a number",
            "(by sources/my-ivr.toml:16)",
        ],
    );
    // A value is nowhere in what is told.
    assert!(
        [wrong, unknown, other, refused]
            .iter()
            .all(|told| !told.contains("EUR") && !told.contains("+15550100"))
    );
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let folder = with_ivr();
    let text = example()
        .replace("$.call.from", "$.call[from]")
        .replace("transaction.currency", "transaction.curency")
        .replace("deadline = \"2s\"", "deadlin = \"2s\"");
    folder.write("sources/my-ivr.toml", text);
    let told = folder.run(&["check", "--config", "gateway.toml"]).failed();
    assert_eq!(told.lines().count(), 3, "{told}");
    has(&told, &["my-ivr.toml:3: deadlin: is unknown; the nearest known key is deadline", ":12: ", ":17: "]);
}

#[test]
fn a_path_that_finds_nothing_in_any_sample_is_a_warning() {
    let folder = with_ivr();
    folder.write("sources/my-ivr.toml", example() + "session.id = \"$.sesion.id\"\n");
    let told = folder.run(&["check", "--config", "gateway.toml"]).done();
    has(&told, &["warning: sources/my-ivr.toml:19: session.id: is found in none of the samples"]);
}

#[test]
fn what_is_wrong_with_the_files_is_told() {
    let folder = with_ivr();
    folder.write("sources/my-ivr.samples/notes.txt", "x");
    has(&folder.run(&["check", "--config", "gateway.toml"]).failed(), &["notes.txt: is no sample"]);

    let folder = with_ivr();
    folder.write("sources/my-ivr.samples/alone.event.json", "{}");
    has(
        &folder.run(&["check", "--config", "gateway.toml"]).failed(),
        &["alone.event.json: there is no body", "alone.json"],
    );

    let folder = with_ivr();
    folder.write("sources/my-ivr.samples/broken.json", "{");
    has(&folder.run(&["check", "--config", "gateway.toml"]).failed(), &["broken.json: the body is no JSON"]);

    let folder = Folder::with_tenant();
    let more = "\n[tenants.first-bank.sources.My_IVR]\nfile = \"nowhere.toml\"\nfil = 1\n";
    folder.write("gateway.toml", configuration(&root().join("xsd"), "") + more);
    let told = folder.run(&["check", "--config", "gateway.toml"]).failed();
    has(
        &told,
        &[
            "tenants.first-bank.sources.My_IVR.file: a source's name must be 1 to 32 of a-z",
            "tenants.first-bank.sources.My_IVR.file: there is no such file: nowhere.toml",
            "tenants.first-bank.sources.My_IVR.fil: is unknown; the nearest known key is file",
        ],
    );
}

#[test]
fn a_source_lies_beside_its_configuration_too() {
    let folder = with_ivr();
    let text = configuration(&root().join("xsd"), "")
        + "\n[tenants.first-bank.sources.my-ivr]\nfile = \"my-ivr.toml\"\n";
    folder.write("sources/gateway.toml", text);
    has(&folder.run(&["check", "--config", "sources/gateway.toml"]).done(), &["my-ivr (2 samples)"]);
}

#[test]
fn what_ships_makes_of_its_samples_what_lies_beside_them() {
    let folder = with_ivr();
    let names = ["cxone-data-action", "cxone-assess", "genesys-assess"];
    let mut text = configuration(&root().join("xsd"), "");
    for name in names {
        let source =
            fs::read_to_string(root().join(format!("src/sources/shipped/{name}.toml"))).expect("it ships");
        folder.write(&format!("sources/shipped/{name}.toml"), source);
        text += &format!("\n[tenants.first-bank.sources.{name}]\nfile = \"sources/shipped/{name}.toml\"\n");
    }
    folder.write("gateway.toml", text);
    let told = folder.run(&["check", "--config", "gateway.toml"]).done();
    has(&told, &["cxone-assess (1 sample), cxone-data-action (2 samples), genesys-assess (2 samples)"]);
    assert!(
        !told.contains("warning: sources/shipped/cxone-assess")
            && !told.contains("warning: sources/shipped/genesys"),
        "{told}"
    );
}

#[test]
fn translate_shows_what_a_source_makes_of_a_body() {
    let folder = with_ivr();
    let body = "sources/my-ivr.samples/wire.json";
    let told = folder.run(&["translate", "--config", "gateway.toml", "--source", "my-ivr", body]).done();
    has(&told, &["\"eventId\": \"my-ivr:", "\"amount\": 12500.00", "<Amount>12500.00</Amount>"]);
    let json = folder
        .run(&["translate", "--config", "gateway.toml", "--source", "my-ivr", body, "--output", "json"])
        .json();
    assert_eq!(json["event"]["customer"]["id"], "1001");
    has(&folder.run(&["translate", "--source", "my-ivr", body]).failed(), &["no source my-ivr", "--config"]);
    let missing = folder.run_with(&["translate", "--source", "cxone-data-action", "-"], "{}").failed();
    has(&missing, &["data.interactionId: required: is required by the source cxone-data-action"]);
}
