//! The rules of the house as tests: who may use whom, the shape of a file, fixtures that are read,
//! dependencies, words, documents. The tables are here, the readers in `tests/tidy/`; each reader
//! also has tests that show that its rule can fail.
//! Not a linter for style: `cargo fmt` and `cargo clippy` are, and `tests/run` runs them.
//! Source: `ARCHITECTURE.md`; a rule that changes there changes here, in the same commit.

#[path = "tidy/bom.rs"]
mod bom;
#[path = "tidy/cases.rs"]
mod cases;
#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/fixtures.rs"]
mod fixtures;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/log_fields.rs"]
mod log_fields;
#[path = "tidy/rust_source.rs"]
mod rust_source;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

use std::process::Command;

use fixtures::Walked;
use layers::Row;
use tree::Tree;
use words::{Banned, Reading};

/// Who may use whom. Left a top-level module of `src/`, right what it may use of the others:
/// `a` all of a module, `a::b` one part of it, `a::*Settings` what in it is named so, `*` all.
/// Nobody but `app`, `cli` and `main` may use `app`, `cli` or `config`.
const MAY_USE: &[Row] = &[
    ("lib", &[]),
    ("domain", &[]),
    ("soap", &[]),
    ("telemetry", &[]),
    ("secrets", &[]),
    ("tls", &["secrets"]),
    ("application", &["domain", "telemetry"]),
    ("xceed", &["domain", "application::ports", "telemetry", "secrets", "tls", "soap"]),
    ("platforms", &["domain", "application::ports", "telemetry", "secrets", "tls"]),
    ("store", &["domain", "application::ports", "telemetry", "secrets", "tls"]),
    ("sources", &["domain"]),
    ("http", &["domain", "application", "sources", "telemetry", "tls", "soap", "xceed::callback"]),
    (
        "console",
        &["domain", "application", "telemetry", "http::answer", "http::auth", "http::doors", "http::health"],
    ),
    ("simulator", &["domain", "xceed::schema"]),
    (
        "config",
        &[
            "domain",
            "secrets",
            "tls",
            "telemetry",
            // A tenant, a key and a peer are settings of their rooms, if not by name.
            "application::tenants",
            "application::admission",
            "http::auth",
            "http::peer",
            "xceed::*Settings",
            "platforms::*Settings",
            "store::*Settings",
            "sources::*Settings",
            "http::*Settings",
            "simulator::*Settings",
        ],
    ),
    ("app", &["*"]),
    ("cli", &["*"]),
    ("main", &["app", "cli", "config", "telemetry"]),
];

/// The fields that a log line may have: ids of events, names from the configuration, codes, counts, durations, and words of
/// ours. None holds a person, a payload or a secret; whoever adds one answers for that.
const LOGGED: &[&str] = &[
    "accepted",
    "address",
    "admin",
    "alert",
    "all",
    "answers",
    "attempts",
    "basis",
    "batch",
    "by",
    "code",
    "correlation",
    // A keyed hash, the same as in the audit trail.
    "customer",
    "deliveries",
    "doubt",
    "duplicates",
    "ended",
    "error",
    "event_id",
    "events",
    "failed",
    "file",
    "force",
    "kept",
    "kind",
    "limit",
    "line",
    "lines",
    "organization",
    "outcome",
    "parked",
    "place",
    "platform",
    "queue",
    "reason",
    "refused",
    "removed",
    "seconds",
    "seq",
    "source",
    "spans",
    "tenant",
    "tenants",
    "thread",
    "to",
    "took_ms",
    "under_way",
    "verdict",
    "version",
    "waited",
    "why",
    "words",
];

/// The most lines of a file in `src/`, and of any function.
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 100;

/// Where Rust source lies.
const RUST: &[&str] = &["src/", "tests/", "benches/", "fuzz/"];

/// Folders that tests walk: one of cases, one with a foreign schema and API set, one of sources with their samples, one of what
/// fuzzing found.
const WALKED: Walked = Walked {
    cases: &["fixtures/contract"],
    sets: &["fixtures/foreign", "fixtures/sources", "fixtures/fuzz"],
};

/// What may read a fixture.
const FIXTURE_READERS: &[&str] = &["src/", "tests/", "benches/", "fuzz/", ".ci/"];

/// The licences that the gateway's users can live with.
const LICENCES: &[&str] =
    &["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "CC0-1.0"];

/// Packages that others need in more than one version, of which none is ours to choose: whoever adds one looks first
/// whether another version of it will do (`cargo tree -d`).
const DUPLICATES: &[&str] = &[
    "base64",
    "bit-set",
    "bit-vec",
    "block-buffer",
    "cpufeatures",
    "crypto-common",
    "digest",
    "fallible-iterator",
    "getrandom",
    "http",
    "icu_collections",
    "icu_properties",
    "icu_properties_data",
    "icu_provider",
    "litemap",
    "phf_shared",
    "quick-xml",
    "r-efi",
    "rand",
    "rand_chacha",
    "rand_core",
    "syn",
    "synstructure",
    "thiserror",
    "thiserror-impl",
    "tinystr",
    "wasi",
    "windows-sys",
    "writeable",
    "yoke",
    "yoke-derive",
    "zerovec",
    "zerovec-derive",
];

/// TLS is rustls with ring: no system library, no C toolchain beyond the one for ring and SQLite.
const BANNED_CRATES: &[&str] = &["openssl-sys", "aws-lc-sys", "native-tls"];

/// A clock is read at the edges alone; below them time is an argument.
const CLOCKS: &[&str] = &[
    "src/app",
    "src/telemetry",
    "src/cli",
    "src/simulator",
    "src/store",
    "src/http",
    // How long an attempt took, and when it must end: by the runtime's clock, which never jumps.
    "src/application/deliver",
    // When an attempt leaves and returns, for whoever asks where the time went: by the same.
    "src/application/tickets",
    // How late a thread comes: by the same.
    "src/application/admission",
    // How long an attempt took, and until when a target is left alone or a token is good: by the same.
    "src/application/push",
    "src/platforms/token",
    "src/platforms/discovery",
    // Virtual time.
    "src/application/tests",
    "src/simulation",
    "src/xceed/soap_client",
    "benches",
    "tests",
    "src/simulation",
];
const TAKE_TIME: &str = "take the time as an argument; the application's clock port reads it";

// The words are written in two halves, so that this file does not hold them itself.
const BANNED_WORDS: &[Banned] = &[
    rust_text(concat!("to", "do!"), "write it, or leave it out"),
    rust_text(concat!("unimpl", "emented!"), "write it, or leave it out"),
    rust_text(concat!("db", "g!"), "remove it, or trace an event"),
    rust_text(concat!("#[", "ignore"), "make the test pass everywhere, or remove it"),
    rust_text(concat!("allow(dead", "_code"), "remove what nothing uses"),
    Banned {
        word: concat!("FIX", "ME"),
        reading: Reading::Text,
        within: &[""],
        except: &["Cargo.lock"],
        instead: "mend it now, or write down in an issue why not",
    },
    Banned {
        word: "println!",
        reading: Reading::Code,
        within: &["src"],
        except: &["src/cli", "src/simulation", "src/store/postgres/simulation"],
        instead: "trace an event; only the command line prints",
    },
    clock("SystemTime::now"),
    clock("Instant::now"),
    clock("Utc::now"),
    clock("Timestamp::now"),
    clock("Zoned::now"),
];

const fn rust_text(word: &'static str, instead: &'static str) -> Banned {
    Banned { word, reading: Reading::Text, within: &["*.rs"], except: &[], instead }
}

const fn clock(word: &'static str) -> Banned {
    Banned { word, reading: Reading::Code, within: &["*.rs"], except: CLOCKS, instead: TAKE_TIME }
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "{} to mend:\n  {}", found.len(), found.join("\n  "));
}

#[test]
fn every_layer_uses_only_what_it_may() {
    let modules = imports::read(&Tree::read().texts(&["src/"], ".rs"));
    none(&layers::violations(&modules, MAY_USE));
}

#[test]
fn imports_run_in_no_circle() {
    let modules = imports::read(&Tree::read().texts(&["src/"], ".rs"));
    none(&layers::circles(&modules));
}

#[test]
fn every_field_of_a_log_line_is_on_the_list() {
    none(&log_fields::unlisted(&Tree::read().texts(&["src/"], ".rs"), LOGGED));
}

#[test]
fn every_rust_file_begins_by_saying_what_it_is() {
    let files = Tree::read().texts(RUST, ".rs");
    let found: Vec<_> = files.iter().filter_map(|(file, text)| shape::opening(file, text)).collect();
    none(&found);
}

#[test]
fn files_and_functions_stay_short() {
    let tree = Tree::read();
    let sources = tree.texts(&["src/"], ".rs");
    let files = sources.iter().filter_map(|(file, text)| shape::long_file(file, text, FILE_LINES));
    let rust = tree.texts(RUST, ".rs");
    let functions = rust.iter().flat_map(|(file, text)| shape::long_functions(file, text, FUNCTION_LINES));
    none(&files.chain(functions).collect::<Vec<_>>());
}

#[test]
fn no_rust_file_is_unsafe() {
    let files = Tree::read().texts(&[""], ".rs");
    none(&files.iter().flat_map(|(file, text)| shape::unsafe_code(file, text)).collect::<Vec<_>>());
}

#[test]
fn every_fixture_is_read_by_a_test() {
    let tree = Tree::read();
    let mut readers = tree.texts(FIXTURE_READERS, "");
    // This test names the walked folders without reading them.
    readers.retain(|(file, _)| !file.starts_with("tests/tidy"));
    let readers: Vec<String> = readers.into_iter().map(|(_, text)| text).collect();
    none(&fixtures::unread(&tree.files, &WALKED, &readers));
}

#[test]
fn every_licence_is_on_the_list() {
    let host = run("rustc", &["-vV"]);
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let metadata =
        run("cargo", &["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", host]);
    let metadata = serde_json::from_str(&metadata).expect("cargo writes its metadata as JSON");
    none(&dependencies::licences(&metadata, LICENCES));
}

#[test]
fn every_dependency_comes_from_crates_io_and_none_is_banned() {
    let lock = tree::text("Cargo.lock").unwrap_or_default();
    none(&dependencies::locked(&lock, env!("CARGO_PKG_NAME"), BANNED_CRATES));
}

#[test]
fn no_package_comes_in_more_versions_than_it_has_to() {
    let lock = tree::text("Cargo.lock").unwrap_or_default();
    let new = bom::duplicates(&lock).into_iter().filter(|name| !DUPLICATES.contains(name));
    let gone = DUPLICATES.iter().filter(|name| !bom::duplicates(&lock).contains(*name));
    let new = new
        .map(|name| format!("{name}: comes in more than one version; `cargo tree -d` shows who wants which"));
    let gone = gone.map(|name| format!("{name}: comes in one version now; take it off the list"));
    none(&new.chain(gone).collect::<Vec<_>>());
}

/// `UPDATE_BOM=1` writes it anew.
#[test]
fn the_bill_of_materials_is_what_is_locked() {
    let lock = tree::text("Cargo.lock").unwrap_or_default();
    let bill = format!("{:#}\n", bom::bill(&lock, env!("CARGO_PKG_NAME")));
    if std::env::var_os("UPDATE_BOM").is_some() {
        std::fs::write(tree::root().join(bom::FILE), &bill).expect("it can be written");
    }
    assert!(
        tree::text(bom::FILE).as_deref() == Some(&bill),
        "{} is not what Cargo.lock says; UPDATE_BOM=1 cargo test --release --test tidy bill writes it anew",
        bom::FILE
    );
}

#[test]
fn every_case_of_the_table_of_faults_names_tests_that_are_there() {
    let table = tree::text("tests/faults/cases.md").expect("the table is there");
    none(&cases::unknown(&table, &Tree::read().texts(&["src/", "tests/"], ".rs")));
}

#[test]
fn no_banned_word_stands_in_the_tree() {
    let files = Tree::read().texts(&[""], "");
    let found = files.iter().flat_map(|(file, text)| words::banned(file, text, BANNED_WORDS));
    none(&found.collect::<Vec<_>>());
}

#[test]
fn the_documents_exist_and_the_readme_names_its_commands_early() {
    let tree = Tree::read();
    let mut found =
        documents::missing(&tree.files, &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"]);
    let readme = tree::text("README.md").unwrap_or_default();
    let commands = ["cargo run --release -- demo", "tests/run"];
    found.extend(documents::unnamed("README.md", &readme, 40, &commands));
    none(&found);
}

#[test]
fn links_between_files_lead_somewhere() {
    let exists = |path: &str| tree::root().join(path).exists();
    let files = Tree::read().texts(&[""], ".md");
    let found = files.iter().flat_map(|(file, text)| documents::broken_links(file, text, exists));
    none(&found.collect::<Vec<_>>());
}

/// What a tool of the toolchain prints.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(tree::root())
        .output()
        .unwrap_or_else(|error| panic!("`{tool}` does not start ({error}); put it on the PATH"));
    assert!(
        output.status.success(),
        "`{tool} {}` fails; run it and see why:\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
