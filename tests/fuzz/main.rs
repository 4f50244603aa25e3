//! The parsers under attack: each target (`targets`) is given good inputs, and then what chance makes of them, for some
//! seconds; what makes one panic is kept, and replayed.
//!
//!     cargo test --release --test fuzz                              every target for a few seconds
//!     cargo test --release --test fuzz -- --seconds 60              for a minute each
//!     cargo test --release --test fuzz -- event --replay FILE       one input once more

#![expect(clippy::disallowed_methods, reason = "how long it takes is what is asked")]

mod mutation;
mod targets;

use mutation::{Chance, Mutation};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

const USAGE: &str = "\
cargo test --release --test fuzz -- [TARGET] [options]

--seconds 5        for each target
--seed N           repeats what chance decided, as far as it comes in that time
--replay FILE      gives the target this input alone
--corpus FOLDER    only writes the target's good inputs there";

/// What takes longer than this, on any machine, grows faster than its input.
const STUCK: Duration = Duration::from_secs(10);
/// An input is not made longer than this, in bytes.
const LONGEST: usize = 64 * 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let asked = words.first().filter(|word| TARGETS.iter().any(|target| target.name == **word)).cloned();
    let unknown = words.iter().find(|word| word.starts_with("--") && !USAGE.contains(word.as_str()));
    if let Some(word) = unknown {
        eprintln!("{word} is unknown\n\n{USAGE}");
        return ExitCode::from(if word == "--help" { 0 } else { 2 });
    }
    let option = |name: &str| words.iter().skip_while(|word| *word != name).nth(1);
    let replay = option("--replay").cloned().unwrap_or_default();
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|target| asked.as_deref().is_none_or(|name| name == target.name)).collect();
    if !replay.is_empty() {
        let input = std::fs::read(&replay).unwrap_or_else(|error| panic!("{replay}: {error}"));
        chosen.iter().for_each(|target| (target.run)(&input));
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = option("--corpus").map(Path::new) {
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for (number, input) in chosen.iter().flat_map(|target| (target.seeds)()).enumerate() {
            std::fs::write(folder.join(format!("good-{number}")), input).expect("the folder can be written");
        }
        return ExitCode::SUCCESS;
    }
    let seconds =
        Duration::from_secs_f64(option("--seconds").map_or(5.0, |text| text.parse().expect("a number")));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seed =
        option("--seed").map_or(now.as_micros() as u64 % 1_000_000, |text| text.parse().expect("a number"));
    println!("seed {seed}, {} s each", seconds.as_secs_f64());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(target) = chosen.get(next.fetch_add(1, SeqCst)) {
                    let found = attack(target, seconds, seed);
                    *failed.lock().expect("whole") += usize::from(found);
                }
            });
        }
    });
    let failed = failed.into_inner().expect("whole");
    println!("{} passed, {failed} failed", chosen.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One target for that time; whether something was found.
fn attack(target: &Target, time: Duration, seed: u64) -> bool {
    let mut inputs = (target.seeds)();
    inputs.extend(kept(target.name));
    let mut mutation = Mutation::new(&inputs, Chance::new(seed));
    let (begun, mut executions, mut longest) = (Instant::now(), 0u64, Duration::ZERO);
    let mut first = inputs.clone().into_iter();
    while begun.elapsed() < time || executions < inputs.len() as u64 {
        let input = first.next().unwrap_or_else(|| mutation.next(LONGEST));
        let at = Instant::now();
        executions += 1;
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            let file = finding(target.name, &input);
            println!("{}: FOUND after {executions} executions, kept as {}", target.name, file.display());
            return true;
        }
        longest = longest.max(at.elapsed());
        if longest > STUCK {
            let file = finding(target.name, &input);
            println!("{}: took {longest:.1?} for an input, kept as {}", target.name, file.display());
            return true;
        }
    }
    println!("{}: {executions} executions, 0 findings, the longest took {longest:.1?}", target.name);
    false
}

/// Inputs that were found before.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(name);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read(file.path()).ok()).collect()
}

fn finding(name: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let sum = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let file = folder.join(format!("{name}-{sum:016x}"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
    written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}
