//! What the gateway is built of, as a CycloneDX bill of materials: every locked package with its version and checksum, in the
//! order of the lock file. From that file alone, so that it is the same on every machine.
//! Source: CycloneDX 1.6, package URLs.

use serde_json::{Value, json};

/// Where it lies.
pub(crate) const FILE: &str = "deploy/bom.cdx.json";

/// The bill of the packages of a lock file; `own` is this one.
pub(crate) fn bill(lock: &str, own: &str) -> Value {
    let packages = lock.split("[[package]]").skip(1).map(Package::read);
    let (own, others): (Vec<_>, Vec<_>) = packages.partition(|package| package.name == own);
    let own = own.first().map(|own| {
        json!({ "type": "application", "bom-ref": own.url(), "name": own.name, "version": own.version, "purl": own.url() })
    });
    let components: Vec<_> = others.iter().map(Package::component).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": own },
        "components": components,
    })
}

/// Packages that are there in more than one version.
pub(crate) fn duplicates(lock: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        lock.split("[[package]]").skip(1).map(|text| Package::read(text).name).collect();
    names.sort_unstable();
    let mut twice: Vec<&str> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    twice
}

struct Package<'l> {
    name: &'l str,
    version: &'l str,
    checksum: Option<&'l str>,
}

impl<'l> Package<'l> {
    fn read(text: &'l str) -> Self {
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.map(|value| value.trim_end_matches('"'))
        };
        Self {
            name: field("name").unwrap_or_default(),
            version: field("version").unwrap_or_default(),
            checksum: field("checksum"),
        }
    }

    fn url(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self) -> Value {
        let hashes: Vec<_> =
            self.checksum.iter().map(|sum| json!({ "alg": "SHA-256", "content": sum })).collect();
        json!({
            "type": "library", "bom-ref": self.url(), "name": self.name, "version": self.version,
            "purl": self.url(), "hashes": hashes
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n[[package]]\nname = \"a\"\n\
                        version = \"1.0.0+b\"\nsource = \"x\"\nchecksum = \"ab\"\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";

    #[test]
    fn every_locked_package_is_in_it_once() {
        let bill = bill(LOCK, "own");
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/own@0.1.0");
        let urls: Vec<_> =
            bill["components"].as_array().expect("a list").iter().map(|one| &one["purl"]).collect();
        assert_eq!(urls, ["pkg:cargo/a@1.0.0%2Bb", "pkg:cargo/a@2.0.0"]);
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "ab");
    }

    #[test]
    fn a_package_in_two_versions_is_found() {
        assert_eq!(duplicates(LOCK), ["a"]);
    }
}
