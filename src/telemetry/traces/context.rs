//! The context that travels with a trace: W3C Trace Context, header `traceparent`, version 00.

/// Where a step belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Common to all steps, here and elsewhere; never 0.
    pub id: u128,
    /// This step's own; never 0.
    pub span: u64,
    /// The step that it is part of.
    pub parent: Option<u64>,
    /// Whether its steps are kept.
    pub sampled: bool,
}

impl Trace {
    /// A call's: it goes on with its caller's, which also says whether it is sampled, or begins anew, and of so many (0 to
    /// 1) is one sampled. `None` without a source of randomness.
    pub(super) fn of(traceparent: Option<&str>, share: f64) -> Option<Self> {
        let span = random_span()?;
        if let Some((id, parent, sampled)) = traceparent.and_then(read) {
            return Some(Self { id, span, parent: Some(parent), sampled });
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let id = u128::from_be_bytes(bytes) | 1;
        // The id itself is the die, as consistent samplers want it: 53 bits make every float from 0 to 1 that has as many.
        let die = ((id >> 75) as f64) / (1u64 << 53) as f64;
        Some(Self { id, span, parent: None, sampled: die < share })
    }

    /// A step of this one.
    pub(super) fn child(self) -> Self {
        // Without randomness the steps of one trace are told apart by counting.
        let span = random_span().unwrap_or_else(|| self.span.wrapping_add(1).max(1));
        Self { span, parent: Some(self.span), ..self }
    }

    /// What whoever is called is told.
    pub fn traceparent(self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.id, self.span, u8::from(self.sampled))
    }
}

fn random_span() -> Option<u64> {
    getrandom::u64().ok().map(|random| random.max(1))
}

/// Trace, parent, and whether it is sampled. A later version may say more behind these; `ff` is none.
fn read(header: &str) -> Option<(u128, u64, bool)> {
    let mut parts = header.split('-');
    let version = lower_hex(parts.next()?, 2)?;
    let id = lower_hex(parts.next()?, 32)?;
    let parent = lower_hex(parts.next()?, 16)?;
    let flags = lower_hex(parts.next()?, 2)?;
    let is_sound = version != 0xff && id != 0 && parent != 0 && (version > 0 || parts.next().is_none());
    is_sound.then_some((id, u64::try_from(parent).ok()?, flags & 1 == 1))
}

fn lower_hex(text: &str, length: usize) -> Option<u128> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == length && text.bytes().all(is_hex)).then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_callers_trace_goes_on_under_a_step_of_its_own() {
        let trace = Trace::of(Some(HEADER), 0.0).expect("a trace");
        assert_eq!(trace.id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((trace.parent, trace.sampled), (Some(0x00f0_67aa_0ba9_02b7), true));
        let child = trace.child();
        assert_eq!((child.id, child.parent), (trace.id, Some(trace.span)));
        assert_eq!(read(&child.traceparent()), Some((trace.id, child.span, true)));
        let unsampled = Trace::of(Some(&HEADER.replace("-01", "-00")), 1.0).expect("a trace");
        assert!(!unsampled.sampled, "the caller has decided");
    }

    #[test]
    fn what_is_no_context_begins_anew() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
            let trace = Trace::of(Some(wrong), 1.0).expect("a trace");
            assert_eq!((trace.parent, trace.sampled), (None, true), "{wrong}");
        }
        let later = format!("01{}-more", &HEADER[2..]);
        assert!(read(&later).is_some(), "a later version may say more");
    }

    #[test]
    fn of_so_many_one_is_sampled() {
        let sampled = |share| (0..2000).filter(|_| Trace::of(None, share).expect("a trace").sampled).count();
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 2000));
        // Four hundred of two thousand, give or take ten standard deviations.
        assert!((220..580).contains(&sampled(0.2)));
    }
}
