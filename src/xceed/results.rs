//! Xceed's answer: what came over HTTP → how the attempt ended. Only an answer that is exactly what was asked for is
//! Results; everything else, however it looks, is a transport failure and never a return code.

use super::operations::Operation;
use super::paths::Paths;
use crate::domain::card_number::mask;
use crate::domain::decision::Results;
use crate::domain::delivery::Attempt;
use crate::domain::return_code::Received;
use crate::soap::envelope::{Body, open};
use crate::soap::tree::Element;
use rust_decimal::Decimal;

/// The longest return code or action, in characters.
const WORD_MAX: usize = 64;
/// The longest sentence of Xceed's that is kept, and how many are, so that an answer stays small.
const SENTENCE_MAX: usize = 300;
const SENTENCES_MAX: usize = 10;
/// Decimals of a score that are looked at: more than any threshold has.
const SCORE_DECIMALS_MAX: usize = 20;

/// What came over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct HttpAnswer<'a> {
    /// The status.
    pub status: u16,
    /// The media type with its parameters, where there is one.
    pub content_type: Option<&'a str>,
    /// The content coding, where there is one.
    pub content_encoding: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// How an attempt to bring one event ended that brought an answer.
pub fn judge(answer: HttpAnswer<'_>, operation: &Operation, paths: &Paths, event_id: &str) -> Attempt {
    judge_about(answer, operation, paths, Some(event_id))
}

/// The same of one event, or of many: then whichever the answer names is taken as it is.
pub(super) fn judge_about(
    answer: HttpAnswer<'_>,
    operation: &Operation,
    paths: &Paths,
    event_id: Option<&str>,
) -> Attempt {
    match take(answer, operation, paths, event_id) {
        Ok(results) => Attempt::Answered(results),
        Err(why) => Attempt::Refused(why),
    }
}

fn take(
    answer: HttpAnswer<'_>,
    operation: &Operation,
    paths: &Paths,
    event_id: Option<&str>,
) -> Result<Results, &'static str> {
    if answer.content_encoding.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err("Xceed's answer is compressed, which was not asked for");
    }
    match answer.status {
        300..=399 => return Err("Xceed answered with a redirect, which is not followed"),
        200 if !is_xml(answer.content_type) => return Err("Xceed's answer is not XML in UTF-8"),
        _ => {}
    }
    match (answer.status, open(answer.body)) {
        (_, Ok(Body::Fault)) => Err("Xceed answered a SOAP Fault"),
        (200, Ok(Body::Message(message))) => answered(&message, operation, paths, event_id),
        (200, Err(_)) => Err("Xceed's answer is no SOAP envelope that can be read"),
        _ => Err("Xceed answered with an HTTP error"),
    }
}

fn is_xml(content_type: Option<&str>) -> bool {
    let Some(content_type) = content_type else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    utf8 && matches!(media_type.as_str(), "text/xml" | "application/xml" | "application/soap+xml")
}

fn answered(
    message: &Element,
    operation: &Operation,
    paths: &Paths,
    event_id: Option<&str>,
) -> Result<Results, &'static str> {
    let (namespace, name) = &operation.response;
    if !message.is(Some(namespace), name) {
        return Err("Xceed answered another operation");
    }
    let reading = Reading { namespace: operation.inner_namespace.as_deref(), message };
    let concerns = reading.text(&paths.event_id)?;
    if concerns.zip(event_id).is_some_and(|(of, event_id)| of != event_id) {
        return Err("Xceed answered for another event");
    }
    let message = reading.text(&paths.return_message)?.map(sentence);
    let remarks = message.into_iter().chain(reading.sentences(&paths.validation_error)).collect();
    Ok(Results {
        reasons: reading.sentences(&paths.reason).collect(),
        remarks,
        concerns: concerns.map(str::to_owned),
        faulty: reading.faulty(paths),
        ..reading.results(paths)?
    })
}

/// A message, while its texts are looked for.
pub(super) struct Reading<'a> {
    /// The namespace of elements inside the message.
    pub(super) namespace: Option<&'a str>,
    /// The message.
    pub(super) message: &'a Element,
}

impl<'a> Reading<'a> {
    /// Code, score and action.
    pub(super) fn results(&self, paths: &Paths) -> Result<Results, &'static str> {
        let code = self.word(&paths.return_code)?.ok_or("Xceed's answer has no return code")?;
        Ok(Results {
            code: Received::parse(&code),
            risk_score: self.text(&paths.risk_score)?.map(|text| score(text).ok_or(BAD_SCORE)).transpose()?,
            risk_action: self.word(&paths.risk_action)?,
            reasons: Vec::new(),
            remarks: Vec::new(),
            concerns: None,
            faulty: Vec::new(),
        })
    }

    /// Code, score and action as they were sent, or nothing.
    pub(super) fn said(&self, paths: &Paths) -> Result<[String; 3], &'static str> {
        let said = |path: &[String]| match self.all(path).as_slice() {
            [] => Ok(String::new()),
            [element] if element.children.is_empty() => Ok(element.text.clone()),
            _ => Err("Xceed's answer says something twice"),
        };
        Ok([said(&paths.return_code)?, said(&paths.risk_score)?, said(&paths.risk_action)?])
    }

    /// The event that each validation error names; empty where it names none.
    fn faulty(&self, paths: &Paths) -> Vec<String> {
        let errors = self.all(&paths.validation_error).into_iter();
        let event =
            |error: &Element| error.attribute(&paths.validation_error_event).unwrap_or_default().to_owned();
        errors.map(event).collect()
    }

    /// All elements at a path.
    fn all(&self, path: &[String]) -> Vec<&'a Element> {
        let namespace = self.namespace;
        path.iter().fold(vec![self.message], |above, name| {
            above
                .iter()
                .flat_map(|element| &element.children)
                .filter(|child| child.is(namespace, name))
                .collect()
        })
    }

    /// The text at a path; blank is none, and more than one is an error.
    pub(super) fn text(&self, path: &[String]) -> Result<Option<&'a str>, &'static str> {
        match self.all(path).as_slice() {
            [] => Ok(None),
            [element] if !element.children.is_empty() => Err("Xceed's answer has markup in a text"),
            [element] => Ok(Some(element.text.as_str()).filter(|text| !text.trim().is_empty())),
            _ => Err("Xceed's answer says something twice"),
        }
    }

    fn word(&self, path: &[String]) -> Result<Option<String>, &'static str> {
        match self.text(path)? {
            Some(text) if text.chars().count() > WORD_MAX || text.chars().any(char::is_control) => {
                Err("Xceed's answer has a text where a word should be")
            }
            other => Ok(other.map(str::to_owned)),
        }
    }

    fn sentences(&self, path: &[String]) -> impl Iterator<Item = String> {
        let all = self.all(path).into_iter().filter(|element| !element.text.trim().is_empty());
        all.take(SENTENCES_MAX).map(|element| sentence(&element.text)).collect::<Vec<_>>().into_iter()
    }
}

const BAD_SCORE: &str = "Xceed's risk score is no number from 0 to 100";

/// What a person reads: on one line, not too long, no card numbers.
fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    mask(&line).chars().take(SENTENCE_MAX).collect()
}

/// A decimal from 0 to 100. Decimals beyond those that are looked at are cut off, which never lifts a score over a
/// threshold.
fn score(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let plain = text.strip_prefix('+').unwrap_or(text);
    let (whole, decimals) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + decimals.len() == 0 || !digits(whole) || !digits(decimals) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let decimals = &decimals[..decimals.len().min(SCORE_DECIMALS_MAX)];
    let score = match decimals {
        "" => Decimal::from_str_exact(whole),
        _ => Decimal::from_str_exact(&format!("{whole}.{decimals}")),
    };
    score.ok().filter(|score| *score <= Decimal::ONE_HUNDRED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xceed::operations::ApiSet;

    const XML: Option<&str> = Some("text/xml; charset=utf-8");

    fn judged(status: u16, content_type: Option<&str>, body: &str) -> Attempt {
        let api = ApiSet::compile(include_str!("../../xsd/api/operations.toml")).expect("sound");
        let answer = HttpAnswer { status, content_type, content_encoding: None, body: body.as_bytes() };
        judge(answer, &api.add_event, &api.results, "e-1")
    }

    fn envelope(results: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <addEventResponse xmlns=\"urn:xceed:api:1.0\"><Results>{results}</Results></addEventResponse>\
             </s:Body></s:Envelope>"
        )
    }

    #[test]
    fn results_are_read() {
        let body = envelope(
            "<returnCode>SUCCESS</returnCode><eventId>e-1</eventId><riskScore> 073.50 </riskScore>\
             <riskAction>Hold</riskAction><reason>a\n b</reason><reason/><reason>card 4111111111111111</reason>",
        );
        let Attempt::Answered(results) = judged(200, XML, &body) else { panic!("answered") };
        assert_eq!(results.code.word(), "SUCCESS");
        assert_eq!(results.risk_score.map(|score| score.to_string()).as_deref(), Some("73.50"));
        assert_eq!(results.reasons, ["a b", "card ************1111"]);
    }

    #[test]
    fn many_events_are_named_as_the_answer_names_them() {
        let body = envelope(
            "<returnCode>XML_VALIDATION_FAIL</returnCode><eventId>e-2</eventId><validationErrors>\
             <error eventId=\"e-2\">wrong</error><error>who knows</error></validationErrors>",
        );
        let api = ApiSet::compile(include_str!("../../xsd/api/operations.toml")).expect("sound");
        let answer =
            HttpAnswer { status: 200, content_type: XML, content_encoding: None, body: body.as_bytes() };
        let Attempt::Answered(results) = judge_about(answer, &api.add_event, &api.results, None) else {
            panic!("answered")
        };
        assert_eq!(results.concerns.as_deref(), Some("e-2"));
        assert_eq!(results.faulty, ["e-2", ""]);
    }

    #[test]
    fn what_is_not_exactly_an_answer_is_none() {
        let good = envelope("<returnCode>SUCCESS</returnCode>");
        let refused = |attempt: Attempt| matches!(attempt, Attempt::Refused(_));
        assert!(!refused(judged(200, XML, &good)));
        assert!(refused(judged(500, XML, &good)), "another status");
        assert!(refused(judged(301, XML, &good)), "a redirect");
        assert!(refused(judged(200, None, &good)), "no media type");
        assert!(refused(judged(200, Some("text/html"), &good)), "another media type");
        assert!(refused(judged(200, Some("text/xml; charset=iso-8859-1"), &good)), "another charset");
        for results in [
            "",
            "<returnCode/>",
            "<returnCode>A</returnCode><returnCode>B</returnCode>",
            "<returnCode>SUCCESS</returnCode><eventId>e-2</eventId>",
            "<returnCode>SUCCESS</returnCode><riskScore>101</riskScore>",
            "<returnCode>SUCCESS</returnCode><riskScore>-1</riskScore>",
            "<returnCode>SUCCESS</returnCode><riskScore>1e1</riskScore>",
            "<returnCode>SUCCESS</returnCode><riskScore>NaN</riskScore>",
            "<returnCode>SUC<b/>CESS</returnCode>",
            "<returnCode xmlns=\"urn:other\">SUCCESS</returnCode>",
        ] {
            assert!(refused(judged(200, XML, &envelope(results))), "{results}");
        }
    }

    #[test]
    fn a_score_just_below_a_threshold_stays_below() {
        let below = score("64.99999999999999999999999999999999999999999999").expect("a score");
        assert!(below < Decimal::from(65));
        assert_eq!(score("100.0000"), Some(Decimal::ONE_HUNDRED));
        assert_eq!(score("100.0001"), None);
        assert_eq!(score(".5").map(|s| s.to_string()).as_deref(), Some("0.5"));
        assert_eq!((score(""), score("."), score("--1")), (None, None, None));
    }
}
