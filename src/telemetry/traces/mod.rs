//! Traces, in the terms of OpenTelemetry: which steps a call took, and how long each was. A task carries its trace with it;
//! where there is none, which is the usual, or where it is not sampled, a step costs a look. Names and attributes are
//! fixed here: ids, codes and durations, never a payload, a person or a secret.

mod context;
mod export;

pub use context::Trace;
pub use export::{Settings, begin};

use super::clock::now;
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The kinds that OpenTelemetry knows, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step inside the gateway.
    Internal = 1,
    /// A call that it answers.
    Server = 2,
    /// A call that it makes.
    Client = 3,
}

/// What a span says of itself: a name of the semantic conventions, or of ours, and a word or a number.
pub type Attribute = (&'static str, Cow<'static, str>);

/// A step that has ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: Trace,
    pub(super) name: Cow<'static, str>,
    pub(super) kind: Kind,
    /// Nanoseconds of the epoch.
    pub(super) begun: i128,
    pub(super) took: Duration,
    pub(super) attributes: Vec<Attribute>,
    pub(super) failed: bool,
}

/// The trace of the task that asks, where it has one.
pub fn current() -> Option<Trace> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// Runs with this trace, or with none.
pub async fn within<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    match trace {
        Some(trace) => CURRENT.scope(trace, future).await,
        None => future.await,
    }
}

/// A step that is measured where the task is traced; what it does sees it as its parent. `tells` says what came of it, and
/// whether that was a failure.
pub async fn step<F: Future>(
    (name, kind): (&'static str, Kind),
    future: F,
    tells: impl FnOnce(&F::Output) -> (Vec<Attribute>, bool),
) -> F::Output {
    let Some(trace) = current().filter(|trace| trace.sampled) else { return future.await };
    let open = Open::of(trace.child(), name, kind);
    let done = CURRENT.scope(open.trace, future).await;
    let (attributes, failed) = tells(&done);
    open.close(attributes, failed);
    done
}

/// The same for what takes no waiting.
pub fn step_at_once<T>(
    name: &'static str,
    work: impl FnOnce() -> T,
    has_failed: impl FnOnce(&T) -> bool,
) -> T {
    let Some(trace) = current().filter(|trace| trace.sampled) else { return work() };
    let open = Open::of(trace.child(), name, Kind::Internal);
    let done = work();
    open.close(Vec::new(), has_failed(&done));
    done
}

/// Says of a step alone whether it failed.
pub fn failed<T, E>(done: &Result<T, E>) -> (Vec<Attribute>, bool) {
    (Vec::new(), done.is_err())
}

/// A step under way.
#[derive(Debug)]
pub struct Open {
    /// What its own steps belong to.
    pub trace: Trace,
    name: Cow<'static, str>,
    kind: Kind,
    begun: i128,
    since: Instant,
}

impl Open {
    fn of(trace: Trace, name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { trace, name: name.into(), kind, begun: now().as_nanosecond(), since: Instant::now() }
    }

    /// A call comes in, with its caller's `traceparent` where it has one. `None` where traces are off.
    pub fn call(traceparent: Option<&str>) -> Option<Self> {
        let share = export::share()?;
        let trace = Trace::of(traceparent, share)?;
        Some(Self::of(trace, "", Kind::Server))
    }

    /// It is over.
    pub fn close(self, attributes: Vec<Attribute>, failed: bool) {
        let Self { trace, name, kind, begun, since } = self;
        if trace.sampled {
            export::hand_over(Span { trace, name, kind, begun, took: since.elapsed(), attributes, failed });
        }
    }

    /// What it is called, where that is known only at its end.
    pub fn named(self, name: String) -> Self {
        Self { name: name.into(), ..self }
    }
}
