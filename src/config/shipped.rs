//! The sets that ship, inside the binary: for the demo, and for commands that need no configuration.

use super::files::{Documents, VersionDocuments};

impl Documents {
    /// The shipped schema sets and API set.
    pub fn shipped() -> Self {
        let version = |name: &str, events: &str, types: &str, mapping: &str| {
            let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
            let schemas = [file("events.xsd", events), file("types.xsd", types)].into();
            (name.to_owned(), VersionDocuments { schemas, mapping: mapping.to_owned() })
        };
        Self {
            versions: [
                version(
                    "1.0",
                    include_str!("../../xsd/1.0/events.xsd"),
                    include_str!("../../xsd/1.0/types.xsd"),
                    include_str!("../../xsd/1.0/mapping.toml"),
                ),
                version(
                    "1.1",
                    include_str!("../../xsd/1.1/events.xsd"),
                    include_str!("../../xsd/1.1/types.xsd"),
                    include_str!("../../xsd/1.1/mapping.toml"),
                ),
            ]
            .into(),
            operations: include_str!("../../xsd/api/operations.toml").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Documents;
    use std::path::Path;

    #[test]
    fn what_is_in_the_binary_is_what_lies_in_the_folder() {
        assert_eq!(Documents::shipped(), Documents::read(Path::new("xsd")).expect("the shipped sets"));
    }
}
