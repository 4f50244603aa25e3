//! The payload of a chunk: one document with the events of many recorded payloads, each byte for byte as it was recorded.
//! What stands around them, the root's tags, is the same in all of them. Holds for any schema set, since every payload
//! was made by `payload`: a root without a declaration before it, and nothing but events in it.

/// A payload, taken apart.
struct Parts<'a> {
    open: &'a str,
    events: &'a str,
    close: &'a str,
}

impl<'a> Parts<'a> {
    fn of(payload: &'a str) -> Option<Self> {
        let (open, rest) = payload.split_at_checked(start_tag(payload)?)?;
        let (events, close) = rest.split_at_checked(rest.rfind("</")?)?;
        Some(Self { open, events, close })
    }
}

/// Where the root's start tag ends. A `>` may stand in an attribute's value.
fn start_tag(payload: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in payload.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Whether two payloads can stand in one document: their roots are the same, so their schema sets are.
pub(super) fn fits(one: &str, other: &str) -> bool {
    match (Parts::of(one), Parts::of(other)) {
        (Some(one), Some(other)) => one.open == other.open && one.close == other.close,
        _ => false,
    }
}

/// All events in one document, in order; `None` where they can't stand in one.
pub(super) fn join(payloads: &[&str]) -> Option<String> {
    let Parts { open, close, .. } = Parts::of(payloads.first()?)?;
    let mut joined = String::with_capacity(payloads.iter().map(|payload| payload.len()).sum());
    joined.push_str(open);
    for payload in payloads {
        let parts = Parts::of(payload).filter(|parts| parts.open == open && parts.close == close)?;
        joined.push_str(parts.events);
    }
    joined.push_str(close);
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stand_behind_each_other_as_they_were_recorded() {
        let one = "<p:E xmlns:p=\"urn:a>b\" version='1.0'><Event><a>1 &gt; 0</a></Event></p:E>";
        let other = "<p:E xmlns:p=\"urn:a>b\" version='1.0'><Event><a>\n</a><b/></Event></p:E>";
        let joined = "<p:E xmlns:p=\"urn:a>b\" version='1.0'><Event><a>1 &gt; 0</a></Event>\
                      <Event><a>\n</a><b/></Event></p:E>";
        assert_eq!(join(&[one, other]).as_deref(), Some(joined));
        assert_eq!(join(&[one]).as_deref(), Some(one));
        assert!(fits(one, other));
    }

    #[test]
    fn other_roots_need_another_document() {
        let (old, new) = ("<E v=\"1.0\"><e/></E>", "<E v=\"1.1\"><e/></E>");
        assert!(!fits(old, new) && join(&[old, new]).is_none());
        assert!(join(&[]).is_none() && join(&["no XML"]).is_none());
    }
}
