//! The decision core under chance: the real use cases and the real embedded store on virtual time, with an Xceed, a disk,
//! callers, callbacks, an operator and crashes that a seed decides. Each run is judged by what callers heard, what arrived
//! and what is on disk.
//!
//!     cargo test --release --lib simulation                      a few hundred seeds
//!     SEEDS=0..20000 cargo test --release --lib simulation       so many
//!     SEEDS=644 cargo test --release --lib simulation -- --nocapture    one again, with the log of the application

pub(crate) mod chance;
mod judge;
mod scene;
mod story;
mod xceed;

use scene::Scene;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use story::Story;

/// Seeds of a usual run.
const USUAL: Range<u64> = 0..400;
/// A run is looked at every 20 ms; one that takes longer than this many spins.
const LOOKS_MAX: usize = 3000;
/// So many broken seeds are told.
const TOLD: usize = 10;

/// A folder in memory, where there is such a thing.
struct Folder(PathBuf);

impl Folder {
    fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("xceed-gateway-simulation-{}-{seed}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One run, and all that is wrong with it.
fn run(seed: u64, is_told: bool) -> Vec<String> {
    let folder = Folder::new(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let scene = Scene::new(Story::of(seed), &folder.0);
        let mut wrong = Vec::new();
        scene.play(async |desk| wrong = judge::judge(&scene, desk).await).await;
        if is_told {
            scene.tell();
        }
        wrong
    })
}

/// What one thread is at.
#[derive(Default)]
struct Running {
    seed: AtomicU64,
    looks: AtomicUsize,
}

impl Running {
    fn begin(&self, seed: u64) {
        self.seed.store(seed, SeqCst);
        self.looks.store(0, SeqCst);
    }

    fn look(&self) {
        if self.looks.fetch_add(1, SeqCst) == LOOKS_MAX {
            eprintln!("SEEDS={}: does not come to an end", self.seed.load(SeqCst));
            std::process::exit(1);
        }
    }
}

/// The seeds that are asked for, else the usual ones; and whether it is a single one, to be told in full.
pub(crate) fn seeds(usual: Range<u64>) -> (Range<u64>, bool) {
    let Ok(asked) = std::env::var("SEEDS") else { return (usual, false) };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("SEEDS is no number or range: {asked}"));
    match asked.split_once("..") {
        Some((from, to)) => (number(from)..number(to), false),
        None => (number(&asked)..number(&asked) + 1, true),
    }
}

#[test]
fn whatever_fails_and_crashes_every_promise_is_kept() {
    let (seeds, is_one) = seeds(USUAL);
    if is_one {
        crate::telemetry::start(crate::telemetry::Format::Text, "debug");
        println!("{:#?}", Story::of(seeds.start));
    }
    let next = AtomicU64::new(seeds.start);
    let broken: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let running: Vec<Running> = (0..threads).map(|_| Running::default()).collect();
    let left = AtomicUsize::new(threads);
    thread::scope(|scope| {
        for running in &running {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, SeqCst);
                    if seed >= seeds.end {
                        left.fetch_sub(1, SeqCst);
                        return;
                    }
                    running.begin(seed);
                    let wrong = run(seed, is_one);
                    if !wrong.is_empty() {
                        broken.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, wrong);
                    }
                }
            });
        }
        // Whoever spins in virtual time never comes to its end.
        while left.load(SeqCst) > 0 {
            thread::sleep(Duration::from_millis(20));
            running.iter().for_each(Running::look);
        }
    });
    let broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (seed, wrong) in broken.iter().take(TOLD) {
        println!("SEEDS={seed}: {}", wrong.join("\n    "));
    }
    let (count, all) = (broken.len(), seeds.end - seeds.start);
    let which: Vec<_> = broken.keys().collect();
    assert!(broken.is_empty(), "{count} of {all} seeds break a promise: {which:?}");
}
