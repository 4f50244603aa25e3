//! What the gateway is built from: licences, origin, and the crates that are kept out.
//! Licences are those of the packages built on this machine, because cargo has only those at hand
//! without a network; names and origins come from `Cargo.lock` and so hold for every platform.
//! Source: SPDX 2.3 annex D for licence expressions, as far as crates use it.

use serde_json::Value;

/// Packages whose licence, as `cargo metadata` gives it, does not satisfy the list.
pub(crate) fn licences(metadata: &Value, allowed: &[&str]) -> Vec<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut found = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or("?");
        match package["license"].as_str() {
            None => found.push(format!("{name}: names no licence; replace it")),
            Some(licence) if !satisfies(licence, allowed) => found.push(format!(
                "{name}: `{licence}` is not on the list of licences; replace the crate, or add \
                 the licence after reading it"
            )),
            Some(_) => {}
        }
    }
    if packages.is_empty() {
        found.push("cargo metadata lists no package; run `cargo metadata` and see why".into());
    }
    found
}

/// Locked packages that are banned, or come from elsewhere than the registry of crates.io.
/// Only `own` may have no origin: it is this repository.
pub(crate) fn locked(lock: &str, own: &str, banned: &[&str]) -> Vec<String> {
    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let mut found = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let start = format!("{name} = \"");
            let value = package.lines().find_map(|line| line.strip_prefix(start.as_str()));
            value.map(|value| value.trim_end_matches('"'))
        };
        let name = field("name").unwrap_or("?");
        if banned.contains(&name) {
            found.push(format!(
                "{name}: is banned; `cargo tree -i {name}` shows who pulls it in, turn that off"
            ));
        }
        match field("source") {
            Some(CRATES_IO) => {}
            None if name == own => {}
            source => found.push(format!(
                "{name}: comes from {}; take it from crates.io",
                source.unwrap_or("a local path")
            )),
        }
    }
    if !lock.contains("[[package]]") {
        found.push("Cargo.lock lists no package; commit the real one".into());
    }
    found
}

/// Whether a licence expression can be met with the allowed licences alone.
fn satisfies(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    let met = reader.any_of();
    met && reader.words.is_empty()
}

/// Reads an expression by its precedence: WITH before AND before OR.
struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [&'a str],
}

impl Reader<'_> {
    fn any_of(&mut self) -> bool {
        let mut met = self.all_of();
        while self.take("OR") {
            met |= self.all_of();
        }
        met
    }

    fn all_of(&mut self) -> bool {
        let mut met = self.one();
        while self.take("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let met = self.any_of();
            return self.take(")") && met;
        }
        let Some((licence, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        if self.take("WITH") {
            // An exception only gives more rights, so the licence decides.
            self.words = self.words.get(1..).unwrap_or_default();
        }
        self.allowed.contains(licence)
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::{licences, locked, satisfies};
    use serde_json::json;

    const ALLOWED: &[&str] = &["MIT", "Apache-2.0", "ISC"];

    #[test]
    fn expressions_that_the_list_meets_pass() {
        for expression in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Unlicense/MIT",
            "Apache-2.0 AND ISC",
            "Apache-2.0 WITH LLVM-exception OR BSL-1.0",
            "(MIT OR GPL-2.0) AND ISC",
        ] {
            assert!(satisfies(expression, ALLOWED), "{expression}");
        }
    }

    #[test]
    fn expressions_that_ask_for_more_fail() {
        for expression in [
            "",
            "GPL-3.0-or-later",
            "MIT AND OpenSSL",
            "MIT AND (GPL-2.0 OR LGPL-2.1)",
            "GPL-2.0 WITH Classpath-exception-2.0",
            "(MIT",
            "MIT ISC",
        ] {
            assert!(!satisfies(expression, ALLOWED), "{expression}");
        }
    }

    #[test]
    fn a_package_with_a_foreign_licence_or_none_fails() {
        let metadata = json!({"packages": [
            {"name": "good", "license": "MIT"},
            {"name": "bad", "license": "AGPL-3.0"},
            {"name": "mute", "license": null},
        ]});
        let found = licences(&metadata, ALLOWED);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("bad:") && found[1].starts_with("mute:"), "{found:?}");
        assert_eq!(licences(&json!({}), ALLOWED).len(), 1);
    }

    #[test]
    fn a_banned_crate_or_a_foreign_origin_fails() {
        let crates_io = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        let good = format!("[[package]]\nname = \"us\"\n\n[[package]]\nname = \"a\"\n{crates_io}\n");
        assert_eq!(locked(&good, "us", &["openssl-sys"]), Vec::<String>::new());
        let banned = format!("[[package]]\nname = \"openssl-sys\"\n{crates_io}\n");
        assert_eq!(locked(&banned, "us", &["openssl-sys"]).len(), 1);
        let git = "[[package]]\nname = \"a\"\nsource = \"git+https://example.com/a\"\n";
        assert_eq!(locked(git, "us", &[]).len(), 1);
        assert_eq!(locked("[[package]]\nname = \"a\"\n", "us", &[]).len(), 1);
        assert_eq!(locked("", "us", &[]).len(), 1);
    }
}
