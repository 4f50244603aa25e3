//! What becomes of each event of a chunk, from the one answer that came for all of them. Pure.
//! Source: the vendor's public developer page on batches, as the contract words it. What Xceed processed, and what it was
//! told of as wrong, is never sent again; what it did not come to leaves with the next chunk.

use super::decision::Results;
use super::delivery::Attempt;
use super::identifiers::EventId;
use super::return_code::{Next, Received, ReturnCode};
use std::collections::HashSet;

/// Why an event leaves once more that is not wrong itself.
const PASSED_OVER: &str = "Xceed stopped at an event of the chunk that stands before this one";

/// How the attempt ended for each of a chunk's events, in their order.
pub fn parts(events: &[EventId], attempt: &Attempt) -> Vec<Attempt> {
    let whole = || vec![attempt.clone(); events.len()];
    let Attempt::Answered(results) = attempt else { return whole() };
    if results.code == Received::Known(ReturnCode::XmlValidationFail) {
        return listed(events, results).unwrap_or_else(whole);
    }
    // What Xceed settled it settled for all: its id then is no error's.
    let is_error = results.code.row().next != Next::Settle;
    let concerned = results.concerns.as_deref().filter(|_| is_error);
    let Some(stopped) = concerned.and_then(|id| events.iter().position(|event| event.as_str() == id)) else {
        return whole();
    };
    let part = |place: usize| match place.cmp(&stopped) {
        std::cmp::Ordering::Less => processed(results),
        std::cmp::Ordering::Equal => attempt.clone(),
        std::cmp::Ordering::Greater => Attempt::PassedOver(PASSED_OVER),
    };
    (0..events.len()).map(part).collect()
}

/// Those that a list names are at fault, the others are processed. `None` where it can't be told whom it is about: it
/// is empty, or one of its errors names no event of the chunk.
fn listed(events: &[EventId], results: &Results) -> Option<Vec<Attempt>> {
    let known: HashSet<&str> = events.iter().map(EventId::as_str).collect();
    let faulty: HashSet<&str> = results.faulty.iter().map(String::as_str).collect();
    if faulty.is_empty() || !faulty.is_subset(&known) {
        return None;
    }
    let part = |event: &EventId| {
        if faulty.contains(event.as_str()) { Attempt::Answered(results.clone()) } else { processed(results) }
    };
    Some(events.iter().map(part).collect())
}

/// An event that Xceed took in although the chunk's code is another's.
fn processed(results: &Results) -> Attempt {
    let remark = format!("processed: the chunk's code {} is about other events", results.code.word());
    Attempt::Answered(Results {
        code: Received::Known(ReturnCode::Success),
        risk_score: None,
        risk_action: None,
        reasons: Vec::new(),
        remarks: vec![remark],
        concerns: None,
        faulty: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<EventId> {
        ["a", "b", "c", "d"].iter().map(|id| EventId::parse(id).expect("an id")).collect()
    }

    fn answer(code: &str, concerns: Option<&str>, faulty: &[&str]) -> Attempt {
        Attempt::Answered(Results {
            code: Received::parse(code),
            risk_score: None,
            risk_action: None,
            reasons: vec![],
            remarks: vec![],
            concerns: concerns.map(str::to_owned),
            faulty: faulty.iter().map(|id| (*id).to_owned()).collect(),
        })
    }

    /// Each event's code, or how its attempt ended without one.
    fn became(attempt: &Attempt) -> Vec<String> {
        let word = |part: Attempt| {
            part.results().map_or_else(|| part.name(), |results| results.code.word()).to_owned()
        };
        parts(&events(), attempt).into_iter().map(word).collect()
    }

    const OK: &str = "SUCCESS";
    const INVALID: &str = "XML_VALIDATION_FAIL";
    const OVER: &str = "passed_over";

    #[test]
    fn a_validation_failure_with_a_list_is_about_those_and_the_rest_is_processed() {
        let failed = answer(INVALID, Some("b"), &["b", "d", "b"]);
        assert_eq!(became(&failed), [OK, INVALID, OK, INVALID]);
    }

    #[test]
    fn a_validation_failure_without_a_list_is_about_all() {
        assert_eq!(became(&answer(INVALID, None, &[])), [INVALID; 4]);
        assert_eq!(became(&answer(INVALID, Some("b"), &[])), [INVALID; 4], "an id is no list");
    }

    #[test]
    fn a_list_that_names_nobody_known_may_be_about_anyone() {
        for list in [&["x"][..], &["b", ""], &["b", "x"]] {
            assert_eq!(became(&answer(INVALID, None, list)), [INVALID; 4], "{list:?}");
        }
    }

    #[test]
    fn another_code_that_names_an_event_divides_the_chunk() {
        for code in ["ERROR", "INVALID_MSG", "MSG_OOO", "WRONG_NUM_EVENTS", "HASH_KEY_FAIL", "BRAND_NEW"] {
            assert_eq!(became(&answer(code, Some("b"), &[])), [OK, code, OVER, OVER], "{code}");
        }
        assert_eq!(became(&answer("ERROR", Some("a"), &[])), ["ERROR", OVER, OVER, OVER]);
        assert_eq!(became(&answer("ERROR", Some("d"), &[])), [OK, OK, OK, "ERROR"]);
    }

    #[test]
    fn another_code_that_names_no_event_of_the_chunk_is_about_all() {
        for id in [None, Some("x")] {
            assert_eq!(became(&answer("ERROR", id, &[])), ["ERROR"; 4], "{id:?}");
        }
    }

    #[test]
    fn what_is_settled_is_settled_for_all_whoever_is_named() {
        for code in ReturnCode::ALL.iter().map(|code| code.row()).filter(|row| row.next == Next::Settle) {
            assert_eq!(became(&answer(code.code, Some("b"), &[])), [code.code; 4]);
        }
    }

    #[test]
    fn without_results_all_share_the_attempts_end() {
        for attempt in [Attempt::NotSent("x"), Attempt::InDoubt("x"), Attempt::Refused("x")] {
            assert_eq!(parts(&events(), &attempt), vec![attempt; 4]);
        }
    }

    /// Every code, with every way to name an event: nothing that was processed, or told of as wrong, leaves again by
    /// itself unless its own row says so.
    #[test]
    fn nothing_is_sent_twice() {
        for code in ReturnCode::ALL {
            let word = code.row().code;
            for concerns in [None, Some("a"), Some("c"), Some("x")] {
                for faulty in [&[][..], &["c"], &["x"]] {
                    let told = answer(word, concerns, faulty);
                    let again = became(&told);
                    let stopped = again.iter().position(|part| part == OVER).unwrap_or(again.len());
                    assert!(again[stopped..].iter().all(|part| part == OVER), "{word}: only those after it");
                    let named = concerns.filter(|id| *id != "x");
                    assert!(stopped == again.len() || named.is_some(), "{word}: only where one is named");
                }
            }
        }
    }
}
