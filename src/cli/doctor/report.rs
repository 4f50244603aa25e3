//! What was looked at, what was found, and what to do.

use crate::cli::shell::{Failed, Output, say};
use serde_json::json;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It can't work so.
    Fail,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One look.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Whose: a tenant, or the gateway's own.
    pub(super) whose: String,
    /// What was looked at.
    pub(super) what: &'static str,
    /// How it is.
    pub(super) verdict: Verdict,
    /// In words, never a secret.
    pub(super) found: String,
    /// What to do; empty where nothing.
    pub(super) cure: &'static str,
}

impl Finding {
    pub(super) fn ok(whose: &str, what: &'static str, found: impl Into<String>) -> Self {
        Self { whose: whose.to_owned(), what, verdict: Verdict::Ok, found: found.into(), cure: "" }
    }

    pub(super) fn warn(
        whose: &str,
        what: &'static str,
        found: impl Into<String>,
        cure: &'static str,
    ) -> Self {
        Self { verdict: Verdict::Warn, cure, ..Self::ok(whose, what, found) }
    }

    pub(super) fn fail(
        whose: &str,
        what: &'static str,
        found: impl Into<String>,
        cure: &'static str,
    ) -> Self {
        Self { verdict: Verdict::Fail, cure, ..Self::ok(whose, what, found) }
    }
}

/// Prints all of it. Fails where something can't work so.
pub(super) fn print(findings: &[Finding], output: Output) -> Result<(), Failed> {
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (warnings, failures) = (count(Verdict::Warn), count(Verdict::Fail));
    if output == Output::Json {
        let each = |finding: &Finding| {
            json!({ "whose": finding.whose, "what": finding.what, "verdict": finding.verdict.name().to_ascii_lowercase(),
                "found": finding.found, "cure": finding.cure })
        };
        let all: Vec<_> = findings.iter().map(each).collect();
        say(json!({ "ok": failures == 0, "warnings": warnings, "failures": failures, "findings": all }))?;
    } else {
        let width = findings.iter().map(|finding| finding.whose.len() + finding.what.len()).max();
        let width = width.unwrap_or_default() + 2;
        for finding in findings {
            let about = format!("{}: {}", finding.whose, finding.what);
            say(format!("{about:width$}  {:4}  {}", finding.verdict.name(), finding.found))?;
            if !finding.cure.is_empty() {
                say(format!("{:width$}        → {}", "", finding.cure))?;
            }
        }
        let ok = findings.len() - warnings - failures;
        say(format!("\n{ok} as they should be, {warnings} to look at, {failures} that can't work so"))?;
    }
    if failures == 0 { Ok(()) } else { Err(Failed(Vec::new())) }
}
