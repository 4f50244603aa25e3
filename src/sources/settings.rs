//! A source's file with the samples beside it, as read; and the files that ship.

/// A source's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// What it is called by: `/v1/sources/{name}`.
    pub name: String,
    /// The file, as an error names it.
    pub file: String,
    /// What it says.
    pub text: String,
    /// Bodies that it must make good events of.
    pub samples: Vec<SampleSettings>,
}

/// A body that lies beside a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleSettings {
    /// The file, as an error names it.
    pub file: String,
    /// The body.
    pub body: Vec<u8>,
    /// The file of the event that it must become, and that event.
    pub event: Option<(String, Vec<u8>)>,
}

/// The names of the sources that ship; each has an address of its own.
pub const CXONE_DATA_ACTION: &str = "cxone-data-action";
#[allow(missing_docs, reason = "as above")]
pub const CXONE_ASSESS: &str = "cxone-assess";
#[allow(missing_docs, reason = "as above")]
pub const GENESYS_ASSESS: &str = "genesys-assess";

impl SourceSettings {
    /// What a name may look like, in words for an error.
    pub const NAME_RULE: &str = "1 to 32 of a-z, 0-9 and -, not beginning with -";

    /// Whether a source may be called so.
    pub fn is_name(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=32).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-')
    }

    /// The sources that ship.
    pub fn shipped() -> Vec<Self> {
        let one = |name: &str, text: &str| Self {
            name: name.to_owned(),
            file: format!("the shipped {name}.toml"),
            text: text.to_owned(),
            samples: Vec::new(),
        };
        vec![
            one(CXONE_DATA_ACTION, include_str!("shipped/cxone-data-action.toml")),
            one(CXONE_ASSESS, include_str!("shipped/cxone-assess.toml")),
            one(GENESYS_ASSESS, include_str!("shipped/genesys-assess.toml")),
        ]
    }

    /// The address that a source is called at.
    pub fn address(name: &str) -> String {
        match name {
            CXONE_DATA_ACTION => "/v1/cxone/data-action".to_owned(),
            CXONE_ASSESS => "/v1/cxone/assess".to_owned(),
            GENESYS_ASSESS => "/v1/genesys/assess".to_owned(),
            own => format!("/v1/sources/{own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SourceSettings;

    #[test]
    fn a_name_fits_into_an_address_and_an_event_id() {
        for good in ["my-ivr", "a", "0", &"x".repeat(32)] {
            assert!(SourceSettings::is_name(good), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "a/b", "ä", &"x".repeat(33)] {
            assert!(!SourceSettings::is_name(bad), "{bad}");
        }
        assert!(SourceSettings::shipped().iter().all(|source| SourceSettings::is_name(&source.name)));
    }
}
