//! Whether a callback's values can be mistaken for others. They are signed one behind the other without separators, so
//! `7` and `3.0Hold` have the signature of `73.0` and `Hold`: whoever hears one callback could say another. What a
//! callback says is believed only where each value ends where the next one must begin.
//! Not the signature itself, which is `signature`; and not what the values mean, which is `results`.

use super::operations::Value;
use crate::domain::return_code::ReturnCode;
use std::ops::Range;

/// What a callback says of an event, as it was sent.
pub(super) struct Said<'a> {
    pub(super) event_id: &'a str,
    pub(super) return_code: &'a str,
    pub(super) risk_score: &'a str,
    pub(super) risk_action: &'a str,
}

impl<'a> Said<'a> {
    /// Whether these values, signed in this order, are the only ones that make their text.
    pub(super) fn is_unmistakable(&self, order: &[Value]) -> bool {
        is_word(self.return_code)
            && (self.risk_action.is_empty() || starts_with_letter(self.risk_action))
            && self.risk_score.bytes().all(belongs_to_score)
            && order.windows(2).all(|pair| self.is_score_set_off(pair[0], pair[1]))
            && self.is_code_set_off(order)
    }

    /// A value of its own, nothing for one that is not the callback's to say.
    fn value(&self, value: Value) -> Option<&'a str> {
        match value {
            Value::EventId => Some(self.event_id),
            Value::ReturnCode => Some(self.return_code),
            Value::RiskScore => Some(self.risk_score),
            Value::RiskAction => Some(self.risk_action),
            _ => None,
        }
    }

    /// A score ends where no digit follows. An event's id may have digits anywhere, but it must be one that is awaited.
    fn is_score_set_off(&self, left: Value, right: Value) -> bool {
        let outside = |byte: Option<&u8>| byte.is_none_or(|byte| !belongs_to_score(*byte));
        match (left, right) {
            (Value::RiskScore, Value::ReturnCode | Value::RiskAction) if !self.risk_score.is_empty() => {
                outside(self.value(right).and_then(|text| text.as_bytes().first()))
            }
            (Value::ReturnCode | Value::RiskAction, Value::RiskScore) if !self.risk_score.is_empty() => {
                outside(self.value(left).and_then(|text| text.as_bytes().last()))
            }
            _ => true,
        }
    }

    /// A known return code is found in one place alone: where it is said to be.
    fn is_code_set_off(&self, order: &[Value]) -> bool {
        let Some((text, said)) = self.around_code(order) else { return false };
        let is_known = ReturnCode::parse(self.return_code).is_some();
        let known = ReturnCode::ALL.iter().map(|code| code.row().code);
        let mut found = known.flat_map(|word| text.match_indices(word)).map(|(at, word)| at..at + word.len());
        found.all(|found| {
            let apart = found.end <= said.start || said.end <= found.start;
            let within = said.start <= found.start && found.end <= said.end;
            apart || (within && (is_known || stands_alone(self.return_code, &found, said.start)))
        })
    }

    /// The code with the values around it, and where in them it is.
    fn around_code(&self, order: &[Value]) -> Option<(String, Range<usize>)> {
        let mut runs = order.split(|value| self.value(*value).is_none());
        let run = runs.find(|run| run.contains(&Value::ReturnCode))?;
        let mut text = String::new();
        let mut said = 0..0;
        for value in run {
            let start = text.len();
            text.push_str(self.value(*value).unwrap_or_default());
            if *value == Value::ReturnCode {
                said = start..text.len();
            }
        }
        Some((text, said))
    }
}

/// Letters, digits, underscores and hyphens, a letter first.
fn is_word(text: &str) -> bool {
    starts_with_letter(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn starts_with_letter(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn belongs_to_score(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b' ' | b'\t' | b'\n')
}

/// Whether a known code within an unknown one is a part of it, as in `INTERNAL_ERROR`.
fn stands_alone(code: &str, found: &Range<usize>, start: usize) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    let (before, after) = (&code[..found.start - start], &code[found.end - start..]);
    !before.ends_with(is_letter) && !after.starts_with(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &[Value] = &[
        Value::PlatformId,
        Value::ServiceId,
        Value::Channel,
        Value::SecretKey,
        Value::EventId,
        Value::ReturnCode,
        Value::RiskScore,
        Value::RiskAction,
        Value::CallbackId,
    ];
    const ACTION_FIRST: &[Value] =
        &[Value::SecretKey, Value::ReturnCode, Value::RiskAction, Value::RiskScore, Value::EventId];

    fn clear(order: &[Value], said: [&str; 4]) -> bool {
        let [event_id, return_code, risk_score, risk_action] = said;
        Said { event_id, return_code, risk_score, risk_action }.is_unmistakable(order)
    }

    #[test]
    fn what_xceed_says_is_clear() {
        for said in [
            ["e-1", "SUCCESS", "73.0", "Hold"],
            ["e-1", "SUCCESS", "", "Allow"],
            ["e-1", "SUCCESS", "10", ""],
            ["e-1", "SUCCESS", " 10.50 ", "Step2"],
            ["SUCCESS", "SUCCESS", "1", "Deny"],
            ["e-1", "REQUEST_ERROR", "", ""],
            ["e-1", "BRAND_NEW", "", ""],
            ["e-1", "INTERNAL_ERROR", "", ""],
            ["e-1", "success", "", ""],
        ] {
            assert!(clear(USUAL, said), "{said:?}");
        }
        assert!(clear(ACTION_FIRST, ["7-e", "SUCCESS", "73.0", "Hold"]));
        for code in ReturnCode::ALL {
            assert!(clear(USUAL, ["e-1", code.row().code, "1.0", "Allow"]), "{code:?}");
            assert!(clear(USUAL, ["e-1", code.row().code, "", ""]), "{code:?}");
        }
    }

    #[test]
    fn the_same_text_divided_elsewhere_is_not() {
        for said in [
            ["e-1", "SUCCESS", "73", ".0Hold"],
            ["e-1", "SUCCESS", "7", "3.0Hold"],
            ["e-1", "SUCCESS", "", "73.0Hold"],
            ["e-1", "SUCCESS73.0", "", "Hold"],
            ["e-1", "SUCCESS7", "3.0", "Hold"],
            ["e-1", "SUCCESS73.0Hold", "", ""],
            ["e-1", "SUCCES", "", "SAllow"],
            ["e-1", "SUCCESSAllow", "", ""],
            ["e-1", "SUCCESSALLOW", "", ""],
            ["e-", "1SUCCESS", "73.0", "Hold"],
            ["e-1S", "UCCESS", "73.0", "Hold"],
            ["e", "-1SUCCESS", "73.0", "Hold"],
            ["e-1", "XSUCCESS", "73.0", "Hold"],
            ["e-1REQUEST_", "ERROR", "", ""],
            ["e-1SUCCESS", "", "73.0", "Hold"],
        ] {
            assert!(!clear(USUAL, said), "{said:?}");
        }
        assert!(!clear(ACTION_FIRST, ["e-1", "SUCCESS", "3.0", "Hold7"]));
    }
}
