//! Triggers: a customer id that tells the simulator what to do with its event.
//!
//! `SIM-` and then words between hyphens, in any order: `SLOW-<ms>`, `SCORE-<decimal>`,
//! `ACTION-<word>`, one of the broken answers (`RESET`, `RESET-MIDWAY`, `DROP`, `GARBAGE`, `HTML`,
//! `EMPTY`, `FAULT`, `FAULT-200`, `HUGE`, `WRONG-ID`, `TRUNCATED`, `DOCTYPE`), for an event that is
//! called back `CALLBACK-NEVER`, `-TWICE`, `-CONFLICT`, `-FIRST`, `-FORGED`, `-AFTER-<ms>` and
//! `-CODE-<word>`, and every other word is the return code, verbatim. What follows a `~` is a label and means nothing, so that one
//! trigger can have many customers: `SIM-SLOW-1500-SCORE-80~17`. They need no header and no
//! configuration: whoever can send an event can try them.

use super::behaviour::{Behaviour, Calling, Fault, Score};
use rust_decimal::Decimal;

/// The behaviour that a customer id asks for, if it asks for any.
pub(super) fn behaviour(customer: &str) -> Option<Behaviour> {
    let (trigger, _label) = customer.split_once('~').unwrap_or((customer, ""));
    let words: Vec<&str> = trigger.strip_prefix("SIM-")?.split('-').collect();
    let mut behaviour = Behaviour::default();
    let mut code: Vec<&str> = Vec::new();
    let mut rest = words.as_slice();
    while let [word, after @ ..] = rest {
        let taken = behaviour.take(rest);
        if taken == 0 {
            code.push(word);
            rest = after;
        } else {
            rest = &rest[taken..];
        }
    }
    let code = code.join("-");
    behaviour.code = (!code.is_empty()).then_some(code);
    (behaviour != Behaviour::default()).then_some(behaviour)
}

impl Behaviour {
    /// Takes in the words at the front that mean something, and says how many they were.
    fn take(&mut self, words: &[&str]) -> usize {
        match words {
            ["SLOW", text, ..] if text.parse::<u64>().is_ok() => {
                self.delay_ms = text.parse().ok();
                2
            }
            ["SCORE", text, ..] if text.parse::<Decimal>().is_ok() => {
                self.score = Some(Score((*text).to_owned()));
                2
            }
            ["ACTION", word, ..] if !word.is_empty() => {
                self.action = Some((*word).to_owned());
                2
            }
            ["CALLBACK", "AFTER", text, ..] if text.parse::<u64>().is_ok() => {
                self.callback_after_ms = text.parse().ok();
                3
            }
            ["CALLBACK", "CODE", word, ..] if !word.is_empty() => {
                self.callback_code = Some((*word).to_owned());
                3
            }
            ["CALLBACK", word, ..] if calling(word).is_some() => {
                self.callback = calling(word).unwrap_or_default();
                2
            }
            _ => {
                let (fault, taken) = broken_answer(words);
                if taken > 0 {
                    self.fault = fault;
                }
                taken
            }
        }
    }
}

fn calling(word: &str) -> Option<Calling> {
    match word {
        "NEVER" => Some(Calling::Never),
        "TWICE" => Some(Calling::Twice),
        "CONFLICT" => Some(Calling::Conflict),
        "FIRST" => Some(Calling::First),
        "FORGED" => Some(Calling::Forged),
        _ => None,
    }
}

fn broken_answer(words: &[&str]) -> (Fault, usize) {
    match words {
        ["RESET", "MIDWAY", ..] => (Fault::ResetMidway, 2),
        ["FAULT", "200", ..] => (Fault::SoapFault200, 2),
        ["WRONG", "ID", ..] => (Fault::WrongId, 2),
        ["RESET", ..] => (Fault::Reset, 1),
        ["FAULT", ..] => (Fault::SoapFault, 1),
        ["DROP", ..] => (Fault::Drop, 1),
        ["GARBAGE", ..] => (Fault::Garbage, 1),
        ["HTML", ..] => (Fault::Html, 1),
        ["EMPTY", ..] => (Fault::Empty, 1),
        ["HUGE", ..] => (Fault::Huge, 1),
        ["TRUNCATED", ..] => (Fault::Truncated, 1),
        ["DOCTYPE", ..] => (Fault::Doctype, 1),
        _ => (Fault::None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::behaviour;
    use crate::simulator::behaviour::{Behaviour, Calling, Fault, Score};

    #[test]
    fn any_word_is_a_return_code_verbatim() {
        let cases = [
            ("SIM-HASH_KEY_FAIL", "HASH_KEY_FAIL"),
            ("SIM-TIMEOUT~17", "TIMEOUT"),
            ("SIM-odd-Word", "odd-Word"),
            ("SIM-SCORE-high", "SCORE-high"),
        ];
        for (customer, word) in cases {
            let code = Some(word.to_owned());
            let expected = Behaviour { code, ..Behaviour::default() };
            assert_eq!(behaviour(customer), Some(expected), "{customer}");
        }
    }

    #[test]
    fn words_combine() {
        let slow = Behaviour { delay_ms: Some(1500), ..Behaviour::default() };
        let score = Some(Score("73.5".to_owned()));
        let action = Some("Hold".to_owned());
        let combined = [
            ("SIM-SLOW-1500", slow.clone()),
            ("SIM-SLOW-1500-SCORE-73.5", Behaviour { score: score.clone(), ..slow.clone() }),
            (
                "SIM-SCORE-73.5-ACTION-Hold",
                Behaviour { score, action: action.clone(), ..Behaviour::default() },
            ),
            ("SIM-ACTION-Hold", Behaviour { action, ..Behaviour::default() }),
            ("SIM-ERROR-SLOW-1500", Behaviour { code: Some("ERROR".to_owned()), ..slow.clone() }),
            ("SIM-SLOW-1500-RESET-MIDWAY", Behaviour { fault: Fault::ResetMidway, ..slow }),
            (
                "SIM-CALLBACK-TWICE-CALLBACK-AFTER-9-CALLBACK-CODE-MSG_OOO",
                Behaviour {
                    callback: Calling::Twice,
                    callback_after_ms: Some(9),
                    callback_code: Some("MSG_OOO".to_owned()),
                    ..Behaviour::default()
                },
            ),
        ];
        for (customer, expected) in combined {
            assert_eq!(behaviour(customer), Some(expected), "{customer}");
        }
    }

    #[test]
    fn ordinary_customers_trigger_nothing() {
        for customer in ["", "C-1001", "SIM-", "SIM", "sim-ERROR", "SIM-~7"] {
            assert_eq!(behaviour(customer), None, "{customer}");
        }
    }
}
