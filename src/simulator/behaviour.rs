//! One behaviour: what the simulator can be told to do with a request.
//!
//! Who tells it, and who is heard, is `scenario`; how a broken answer is made on the wire is `answer`
//! and `connection`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// What to do with a request. What is not said stays as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// The return code, verbatim; `SUCCESS` if it is not said.
    pub code: Option<String>,
    /// Said alone, the answer has no action; with neither said, both come from the scoring.
    pub score: Option<Score>,
    /// Said alone, the answer has no score.
    pub action: Option<String>,
    /// How long the answer waits; a minute at most.
    pub delay_ms: Option<u64>,
    /// How the answer is broken, if it is to be.
    pub fault: Fault,
    /// Instead of the reasons of the scoring.
    pub reasons: Option<Vec<String>>,
    /// How an event is called back that was acknowledged without a score.
    pub callback: Calling,
    /// How long after the acknowledgement; an hour at most, 50 ms if it is not said.
    pub callback_after_ms: Option<u64>,
    /// The return code that is called back.
    pub callback_code: Option<String>,
}

/// How an event is called back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calling {
    /// Once.
    #[default]
    Once,
    /// Not at all.
    Never,
    /// Two times with the same words.
    Twice,
    /// Two times, and the second time it says something else.
    Conflict,
    /// Before the event is acknowledged.
    First,
    /// First with a wrong hash, then with the right one.
    Forged,
}

/// How an answer is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// The connection is reset before any byte of an answer.
    Reset,
    /// The connection is reset in the middle of the answer's body.
    ResetMidway,
    /// Nothing is answered; the connection stays open until the client leaves, 30 s at most.
    Drop,
    /// 200, labelled as XML, bytes that are neither XML nor UTF-8.
    Garbage,
    /// 200 and an HTML page, as a proxy's error page comes.
    Html,
    /// 500 without a body.
    Empty,
    /// 500 and a SOAP Fault `Server`.
    SoapFault,
    /// The same with status 200.
    #[serde(rename = "soap_fault_200")]
    SoapFault200,
    /// A good answer of more than 256 KiB.
    Huge,
    /// A good answer that names another event.
    WrongId,
    /// A whole HTTP answer whose XML breaks off.
    Truncated,
    /// A good answer behind a DOCTYPE.
    Doctype,
}

/// A score as it was written, so that a scenario can also send what is no score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score(pub String);

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<serde_json::Number>() {
            Ok(number) => number.serialize(serializer),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl de::Visitor<'_> for NumberOrText {
            type Value = Score;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a number, or a text that is sent as it is")
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Score, E> {
                Ok(Score(value.to_string()))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Score, E> {
                Ok(Score(value.to_string()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Score, E> {
                Ok(Score(value.to_string()))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Score, E> {
                Ok(Score(value.to_owned()))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, Calling, Fault, Score};

    #[test]
    fn a_behaviour_reads_from_json_and_shows_as_it_was_put() {
        let json = r#"{"code":"SUCCESS","score":73.5,"action":null,"delay_ms":20,"fault":"soap_fault_200","reasons":["r"],"callback":"never","callback_after_ms":null,"callback_code":null}"#;
        let behaviour: Behaviour = serde_json::from_str(json).unwrap();
        assert_eq!(behaviour.score, Some(Score("73.5".to_owned())));
        assert_eq!((behaviour.fault, behaviour.callback), (Fault::SoapFault200, Calling::Never));
        assert_eq!(serde_json::to_string(&behaviour).unwrap(), json);
        let no_score: Behaviour = serde_json::from_str(r#"{"score":"high"}"#).unwrap();
        assert_eq!(no_score.score, Some(Score("high".to_owned())));
        assert!(serde_json::from_str::<Behaviour>(r#"{"delay":1}"#).is_err());
    }
}
