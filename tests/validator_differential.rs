//! The validator against libxml2: thousands of payloads, sound and broken, and both must say the same of each.
//! A difference is a fault of one of them; it is looked at before the library's version is changed.
//! Needs `xmllint`, which `tests/run` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use xceed_gateway::app::Sets;
use xceed_gateway::config::Documents;
use xceed_gateway::xceed::schema::SchemaSet;

const DOCUMENTS: usize = 3000;
const SEED: u64 = 20_261_122;

/// Texts that are right in some element and wrong in others.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "Unknown",
    "Other",
    "0000-00-00",
    "2026-11-22",
    "2026-02-30",
    "2026-11-22T08:00:00Z",
    "2026-11-22T08:00:00",
    "2026-11-22T24:00:00Z",
    "2026-11-22T25:00:00+01:00",
    "-1.00",
    "12500.00",
    "1234567890123456",
    "1.00001",
    "1e5",
    "NaN",
    "USD",
    "usd",
    " USD ",
    "WireTransfer",
    "true",
    "False",
    "é😀",
];

#[test]
fn both_say_the_same_of_every_document() {
    let documents = Documents::read(Path::new("xsd")).expect("the shipped sets");
    let sets = Sets::compile(&documents).expect("sound sets");
    for (version, compiled) in &sets.versions {
        let mut dice = Dice(SEED);
        let originals = payloads(version);
        let mutants = (0..DOCUMENTS).map(|n| mutate(&originals[n % originals.len()], &mut dice));
        let mutants: Vec<String> = mutants.chain(originals.iter().cloned()).collect();
        compare(version, &compiled.set, &mutants);
    }
}

fn compare(version: &str, set: &SchemaSet, mutants: &[String]) {
    let folder = std::env::temp_dir().join(format!("xceed-differential-{}-{version}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let files: Vec<PathBuf> = (0..mutants.len()).map(|n| folder.join(format!("{n}.xml"))).collect();
    for (file, text) in files.iter().zip(mutants) {
        fs::write(file, text).expect("written");
    }
    let mut valid = 0;
    let mut differences = Vec::new();
    for (files, texts) in files.chunks(500).zip(mutants.chunks(500)) {
        let said = xmllint(&format!("xsd/{version}/events.xsd"), files);
        for (file, text) in files.iter().zip(texts) {
            let theirs = said.contains(&format!("{} validates\n", file.display()));
            let ours = set.validate(text).is_empty();
            valid += usize::from(theirs);
            if ours != theirs {
                differences.push(format!("libxml2 says {theirs}, we say {ours}: {text}"));
            }
        }
    }
    fs::remove_dir_all(&folder).expect("removed");
    assert!(differences.is_empty(), "{} differ, the first: {}", differences.len(), differences[0]);
    assert!(valid > mutants.len() / 20, "only {valid} of {} are valid: a poor comparison", mutants.len());
    assert!(valid < mutants.len() / 2, "{valid} of {} are valid: a poor comparison", mutants.len());
}

fn xmllint(schema: &str, files: &[PathBuf]) -> String {
    let output =
        Command::new("xmllint").args(["--nonet", "--noout", "--schema", schema]).args(files).output();
    let output = output.expect("xmllint is there; `tests/run` installs it");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The payloads of the contract's fixtures that are of this version.
fn payloads(version: &str) -> Vec<String> {
    let mut found: Vec<PathBuf> = fs::read_dir("fixtures/contract")
        .expect("fixtures")
        .map(|entry| entry.expect("an entry").path().join("2-payload.xml"))
        .collect();
    found.sort();
    let texts = found.iter().filter_map(|file| fs::read_to_string(file).ok());
    let of_version: Vec<String> =
        texts.filter(|text| text.contains(&format!(" version=\"{version}\"")) && text.len() < 4000).collect();
    assert!(!of_version.is_empty(), "no payload of version {version} among the fixtures");
    of_version
}

/// One to three random changes.
fn mutate(original: &str, dice: &mut Dice) -> String {
    let mut text = original.to_owned();
    for _ in 0..=dice.below(3) {
        text = change(&text, dice);
    }
    text
}

fn change(text: &str, dice: &mut Dice) -> String {
    let leaves = leaves(text);
    if leaves.is_empty() {
        return text.to_owned();
    }
    let leaf = leaves[dice.below(leaves.len())].clone();
    let other = leaves[dice.below(leaves.len())].clone();
    let with = |range: std::ops::Range<usize>, new: &str| {
        format!("{}{new}{}", &text[..range.start], &text[range.end..])
    };
    match dice.below(9) {
        0..=3 => with(leaf.content, TEXTS[dice.below(TEXTS.len())]),
        4 => with(leaf.content, &"x".repeat(126 + dice.below(6))),
        5 => with(leaf.whole, ""),
        6 => with(leaf.whole.end..leaf.whole.end, &text[other.whole]),
        7 => with(leaf.whole.start + 1..leaf.whole.start + 1, "X"),
        _ => with(leaf.content.start - 1..leaf.content.start - 1, " a=\"1\""),
    }
}

/// An element that holds text alone: `<Name>text</Name>`.
#[derive(Clone)]
struct Leaf {
    whole: std::ops::Range<usize>,
    content: std::ops::Range<usize>,
}

fn leaves(text: &str) -> Vec<Leaf> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('<') {
        let Some(open) = text[start..].find('>').map(|at| start + at + 1) else { continue };
        let Some(close) = text[open..].find('<').map(|at| open + at) else { continue };
        let end_tag = format!("</{}>", &text[start + 1..open - 1]);
        if text[close..].starts_with(&end_tag) {
            found.push(Leaf { whole: start..close + end_tag.len(), content: open..close });
        }
    }
    found
}

/// A seeded source of numbers (xorshift64*), so that one seed is one run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or(0) % limit
    }
}
