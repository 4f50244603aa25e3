//! How long the machine itself holds up who wants nothing of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that sleeps a millisecond at a time and notes by how much it overslept.
pub(crate) struct Stall {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Stall {
    pub(crate) fn watch() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let nap = Duration::from_millis(1);
            let mut worst = Duration::ZERO;
            while !stopped.load(Relaxed) {
                let begun = Instant::now();
                thread::sleep(nap);
                worst = worst.max(begun.elapsed().saturating_sub(nap));
            }
            worst
        });
        Self { stop, thread }
    }

    pub(crate) fn worst(self) -> Duration {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap_or_default()
    }
}
