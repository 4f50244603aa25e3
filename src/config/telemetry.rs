//! `[telemetry]`: where traces go.

use super::section::{Problems, Section};
use crate::telemetry::traces::Settings;
use crate::tls::is_safe;
use rust_decimal::Decimal;

/// The share of calls that are traced unless something else is said, or their caller decides.
const SHARE: f64 = 0.01;

pub(super) fn read(mut section: Section, problems: &mut Problems) -> Option<Settings> {
    let traces = section.has("traces").then(|| section.section("traces"));
    section.finish(problems);
    let mut traces = traces?;
    let url =
        traces.text("url", "the collector's address, such as https://collector.example/v1/traces", problems);
    let rule = "must be an https address; plain http is for loopback addresses alone";
    let url =
        url.and_then(|url| traces.check("url", problems, rule, || is_safe(&url).then_some(url.clone())));
    let share =
        if traces.has("share") { traces.decimal("share", Some(Decimal::ONE), problems) } else { None };
    traces.finish(problems);
    Some(Settings { url: url?, share: share.and_then(|share| share.try_into().ok()).unwrap_or(SHARE) })
}
