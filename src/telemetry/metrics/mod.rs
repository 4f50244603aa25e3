//! Metrics: what has happened since the start, in counters and histograms, and how they are shown to Prometheus. Their names
//! and labels are in `names.rs`, all of them. A label's values come from configuration and closed lists, never from an event.

mod names;
mod text;

pub use names::*;
pub use text::Text;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Series of one metric, at most: what comes beyond is counted under `other`.
const SERIES_MAX: usize = 500;
/// What takes the place of a label's value there.
const OTHER: &str = "other";

/// The values of the labels, in the order of their names.
type Values = Box<[Box<str>]>;

/// What one metric knows, by the values of its labels, in their order.
struct Series<T>(RwLock<Vec<(Values, Arc<T>)>>);

impl<T: Default> Series<T> {
    const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    fn of(&self, values: &[&str]) -> Arc<T> {
        let place = |known: &[(Values, Arc<T>)]| {
            known.binary_search_by(|(have, _)| have.iter().map(|have| &**have).cmp(values.iter().copied()))
        };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Ok(at) = place(&known) {
            return known[at].1.clone();
        }
        let is_full = known.len() >= SERIES_MAX;
        drop(known);
        if is_full && values.iter().any(|value| *value != OTHER) {
            return self.of(&vec![OTHER; values.len()]);
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match place(&known) {
            Ok(at) => known[at].1.clone(),
            Err(at) => {
                let values = values.iter().map(|value| (*value).into()).collect();
                known.insert(at, (values, Arc::default()));
                known[at].1.clone()
            }
        }
    }

    fn all(&self) -> Vec<(Values, Arc<T>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What only grows.
pub struct Counter {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    series: Series<AtomicU64>,
}

impl Counter {
    const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Self { name, help, labels, series: Series::new() }
    }

    /// So many more. `values`: of its labels, in their order.
    pub fn add(&self, values: &[&str], count: u64) {
        self.series.of(values).fetch_add(count, Relaxed);
    }

    /// All that is counted, by the values of its labels.
    pub fn all(&self) -> Vec<(Box<[Box<str>]>, u64)> {
        let all = self.series.all().into_iter();
        all.map(|(values, count)| (values, count.load(Relaxed))).collect()
    }
}

/// When something was last so.
pub struct Moment(AtomicI64);

impl Moment {
    /// It is so now.
    pub fn now(&self) {
        self.0.store(super::now().as_microsecond(), Relaxed);
    }

    /// How long ago that is, in seconds; `None` where it never was.
    pub fn age(&self) -> Option<f64> {
        let at = Some(self.0.load(Relaxed)).filter(|at| *at != 0)?;
        Some((super::now().as_microsecond() - at) as f64 / 1e6)
    }
}

/// How long something takes, or how many there are of it.
pub struct Histogram {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    bounds: &'static [f64],
    series: Series<Bins>,
}

/// Buckets; the last is for what is beyond all bounds.
const BINS: usize = 16;

/// What was observed, in buckets of its own each, and the sum in millionths.
#[derive(Default)]
struct Bins {
    counts: [AtomicU64; BINS],
    sum: AtomicU64,
}

impl Histogram {
    const fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
    ) -> Self {
        assert!(bounds.len() < BINS, "there is a bucket for each bound and one beyond");
        Self { name, help, labels, bounds, series: Series::new() }
    }

    /// So much once more.
    pub fn observe(&self, values: &[&str], value: f64) {
        let bins = self.series.of(values);
        let bin = self.bounds.partition_point(|bound| *bound < value);
        bins.counts[bin].fetch_add(1, Relaxed);
        bins.sum.fetch_add((value * 1e6) as u64, Relaxed);
    }

    /// A time, in seconds.
    pub fn took(&self, values: &[&str], took: Duration) {
        self.observe(values, took.as_secs_f64());
    }

    /// The value below which such a share of what was observed since the start lies, over all labels, as far as its buckets
    /// tell; `None` where there is nothing.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut counts = [0; BINS];
        for (_, bins) in self.series.all() {
            for (sum, count) in counts.iter_mut().zip(&bins.counts) {
                *sum += count.load(Relaxed);
            }
        }
        let all: u64 = counts.iter().sum();
        let wanted = (share * all as f64).ceil() as u64;
        let mut below = 0;
        let bin = counts.iter().position(|count| {
            below += count;
            below >= wanted.max(1)
        })?;
        Some(self.bounds.get(bin).or_else(|| self.bounds.last()).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_by_its_labels() {
        static CALLS: Counter = Counter::new("calls_total", "Calls.", &["tenant", "code"]);
        CALLS.add(&["b\"ank", "OK"], 2);
        CALLS.add(&["a", "OK"], 1);
        CALLS.add(&["b\"ank", "OK"], 1);
        let mut text = Text::default();
        text.counter(&CALLS);
        assert_eq!(
            text.end(),
            "# HELP calls_total Calls.\n# TYPE calls_total counter\n\
             calls_total{tenant=\"a\",code=\"OK\"} 1\ncalls_total{tenant=\"b\\\"ank\",code=\"OK\"} 3\n"
        );
    }

    #[test]
    fn a_histogram_counts_up_to_each_bound() {
        static TIMES: Histogram = Histogram::new("time_seconds", "Times.", &[], &[0.1, 1.0]);
        for time in [0.05, 0.1, 0.5, 3.0] {
            TIMES.observe(&[], time);
        }
        let mut text = Text::default();
        text.histogram(&TIMES);
        assert_eq!(
            text.end(),
            "# HELP time_seconds Times.\n# TYPE time_seconds histogram\n\
             time_seconds_bucket{le=\"0.1\"} 2\ntime_seconds_bucket{le=\"1\"} 3\n\
             time_seconds_bucket{le=\"+Inf\"} 4\ntime_seconds_sum 3.65\ntime_seconds_count 4\n"
        );
        assert_eq!((TIMES.quantile(0.5), TIMES.quantile(0.7)), (Some(0.1), Some(1.0)));
    }

    #[test]
    fn there_is_an_end_to_series() {
        static MANY: Counter = Counter::new("many_total", "Many.", &["n"]);
        for n in 0..2 * SERIES_MAX {
            MANY.add(&[&n.to_string()], 1);
        }
        let all = MANY.all();
        assert_eq!(all.len(), SERIES_MAX + 1);
        assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 2 * SERIES_MAX as u64);
    }
}
