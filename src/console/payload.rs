//! A payload to look at: laid out, and without what is a person's. Which values are shown is a list; all others are masked.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements whose values name nobody.
const SHOWN: [&str; 12] = [
    "EventId",
    "EventType",
    "EventTime",
    "Channel",
    "AccountType",
    "Outcome",
    "Amount",
    "Currency",
    "ValueDate",
    "Method",
    "Result",
    "InteractionId",
];
/// What stands in the place of others.
const MASK: &str = "•••";
/// Deeper than any payload.
const DEEPEST: usize = 40;

/// One element on a line.
pub(super) struct Part {
    /// How deep it is, in steps; the page indents by it.
    pub(super) depth: usize,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_masked: bool,
}

/// Its elements, one on a line.
pub(super) fn redacted(payload: &str) -> Vec<Part> {
    let (mut reader, mut parts, mut depth) = (Reader::from_str(payload), Vec::<Part>::new(), 0);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name().as_ref().to_owned();
                parts.push(Part { depth, name, value: String::new(), is_masked: false });
                depth = (depth + 1).min(DEEPEST);
            }
            Ok(Event::Empty(start)) => {
                let name = start.local_name().as_ref().to_owned();
                parts.push(Part { depth, name, value: String::new(), is_masked: false });
            }
            Ok(Event::Text(text)) => {
                let text: &str = &text;
                if let Some(part) = parts.last_mut().filter(|_| !text.trim().is_empty()) {
                    put(part, text);
                }
            }
            Ok(Event::GeneralRef(_)) => {
                if let Some(part) = parts.last_mut() {
                    part.is_masked = true;
                    part.value = MASK.to_owned();
                }
            }
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) | Err(_) => return parts,
            Ok(_) => {}
        }
    }
}

fn put(part: &mut Part, text: &str) {
    if SHOWN.contains(&part.name.as_str()) && !part.is_masked {
        part.value.push_str(text);
    } else {
        part.is_masked = true;
        part.value = MASK.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_nobody_is_shown() {
        let payload = "<Events version=\"1.0\"><Event><EventType>Login</EventType><CustomerId>C-1 &amp; Zoë</CustomerId>\
                       <DisplayFields>card=4111</DisplayFields></Event></Events>";
        let parts = redacted(payload);
        let shown: Vec<_> =
            parts.iter().map(|part| (part.depth, part.name.as_str(), part.value.as_str())).collect();
        assert_eq!(
            shown,
            [
                (0, "Events", ""),
                (1, "Event", ""),
                (2, "EventType", "Login"),
                (2, "CustomerId", MASK),
                (2, "DisplayFields", MASK)
            ]
        );
    }
}
