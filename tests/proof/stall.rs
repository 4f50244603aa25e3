//! How long the machine itself holds up who wants nothing of it, and who wants a little on disk.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that notes the worst of what it does again and again: unless it is told otherwise, by how much it oversleeps a
/// millisecond.
pub(crate) struct Stall {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Stall {
    pub(crate) fn watch() -> Self {
        let nap = Duration::from_millis(1);
        Self::of(move || {
            let begun = Instant::now();
            thread::sleep(nap);
            begun.elapsed().saturating_sub(nap)
        })
    }

    /// One that flushes a few bytes to a disk of the machine's every 20 ms, and notes how long that took.
    pub(crate) fn of_the_disk() -> Self {
        let mut file = tempfile();
        Self::of(move || {
            thread::sleep(Duration::from_millis(20));
            let begun = Instant::now();
            file.write_all(b"a few bytes")
                .and_then(|()| file.sync_data())
                .expect("the disk takes a few bytes");
            begun.elapsed()
        })
    }

    fn of(mut once: impl FnMut() -> Duration + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stopped.load(Relaxed) {
                worst = worst.max(once());
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

/// A file without a name, where the stores of these proofs are too.
fn tempfile() -> File {
    let path = std::env::temp_dir().join(format!("xceed-gateway-stall-{}", std::process::id()));
    let file = File::create(&path).expect("a file can be made");
    std::fs::remove_file(&path).expect("it can be taken away again");
    file
}
