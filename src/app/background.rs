//! Work in the background: on a thread of its own, so that it can't delay a live call, until it is told to end.

use crate::telemetry::vital;
use std::io;
use std::thread::{self, JoinHandle};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// Work that goes on.
pub(super) struct Background {
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Background {
    /// Begins it. `work` runs on the new thread.
    pub(super) fn begin<F: Future<Output = ()>>(
        name: &str,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            let until_told = async {
                tokio::select! {
                    () = work() => {}
                    _ = ended => {}
                }
            };
            vital(|| LocalSet::new().block_on(&runtime, until_told));
        };
        Ok(Self { end, thread: thread::Builder::new().name(name.to_owned()).spawn(run)? })
    }

    /// Ends it.
    pub(super) fn end(self) {
        let _ = self.end.send(());
        let _ = self.thread.join();
    }
}
