//! Metrics as Prometheus reads them: its text format 0.0.4.

use super::{Counter, Gauge, Histogram};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// A text that is being written.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// A counter with all that it has counted.
    pub fn counter(&mut self, counter: &Counter) {
        self.head(counter.name, counter.help, "counter");
        for (values, count) in counter.all() {
            self.line(counter.name, "", &labels(counter.labels, &values), count as f64);
        }
    }

    /// A histogram with all that it has observed.
    pub fn histogram(&mut self, histogram: &Histogram) {
        self.head(histogram.name, histogram.help, "histogram");
        for (values, bins) in histogram.series.all() {
            let labels = labels(histogram.labels, &values);
            let mut below = 0;
            let bounds = histogram.bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(&bins.counts) {
                below += count.load(Relaxed);
                let with_bound: Vec<_> = labels.iter().cloned().chain([("le", bound)]).collect();
                self.line(histogram.name, "_bucket", &with_bound, below as f64);
            }
            self.line(histogram.name, "_sum", &labels, bins.sum.load(Relaxed) as f64 / 1e6);
            self.line(histogram.name, "_count", &labels, below as f64);
        }
    }

    /// What is so just now, by the values of its labels.
    pub fn gauge(&mut self, gauge: &Gauge, values: impl IntoIterator<Item = (Vec<String>, f64)>) {
        let kind = if gauge.name.ends_with("_total") { "counter" } else { "gauge" };
        self.head(gauge.name, gauge.help, kind);
        for (values, value) in values {
            let values: Vec<Box<str>> = values.into_iter().map(Into::into).collect();
            self.line(gauge.name, "", &labels(gauge.labels, &values), value);
        }
    }

    /// All of it.
    pub fn end(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, suffix: &str, labels: &[(&str, String)], value: f64) {
        let pairs: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let pairs = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _ = writeln!(self.0, "{name}{suffix}{pairs} {value}");
    }
}

fn labels<'n>(names: &[&'n str], values: &[Box<str>]) -> Vec<(&'n str, String)> {
    names.iter().copied().zip(values.iter().map(ToString::to_string)).collect()
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
