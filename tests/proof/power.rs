//! Power loss: the gateway is killed under load, and of its files remains what was flushed, and by chance some pages of what
//! was only written. Everything that was answered 2xx is there afterwards. A library that is loaded before the gateway's own
//! (`power/flushed.c`) keeps a copy of each file as its last flush began.

use crate::chance::Chance;
use crate::ground::{Ground, submit, wave};
use crate::report::{Findings, Request};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const FILES: [&str; 3] = ["gateway.db", "gateway.db-wal", "audit.checkpoints"];
/// Disks write whole sectors; a page of the database is eight of them.
const SECTOR: usize = 512;

pub(crate) fn prove(request: &Request) -> Findings {
    let rounds: u32 = request.get("--rounds", 6, 200);
    let title = "power: the machine loses its power";
    let mut ground = Ground::start();
    let library = ground.folder().join("flushed.so");
    if let Err(why) = compile(&library) {
        return Findings::skipped(title, &why);
    }
    let mut found = Findings::new(title);
    let mut chance = Chance::new(request.seed());
    let flushed = ground.folder().join("flushed");
    fs::create_dir(&flushed).expect("the folder can be written");
    let words = [
        "env".to_owned(),
        format!("LD_PRELOAD={}", library.display()),
        format!("FLUSHED_INTO={}", flushed.display()),
        "FLUSH_TAKES=4000".to_owned(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (mut lost, mut torn, mut earlier) = (0, 0, <[Vec<u8>; 3]>::default());
    for round in 0..rounds {
        if let Err(said) = ground.gateway.restart_under(&words) {
            found.fault(format!("it does not start after a loss of power: {said}"));
            return found;
        }
        ground.settle(&mut found);
        earlier = FILES.map(|name| fs::read(flushed.join(name)).unwrap_or_default());
        let (address, keys) = (ground.gateway.address(), wave(round, 600));
        let after = Duration::from_millis(chance.between(30, 500));
        let answers = thread::scope(|scope| {
            let load = scope.spawn(|| submit(address, &keys));
            thread::sleep(after);
            ground.gateway.kill();
            load.join().expect("a load")
        });
        ground.note(answers, true, &mut found);
        for name in FILES {
            let (bytes, pieces) = lose(&ground.folder().join(name), &flushed.join(name), &mut chance);
            lost += bytes;
            torn += pieces;
        }
        // What only helps to find things in the log is made anew.
        let _ = fs::remove_file(ground.folder().join("gateway.db-shm"));
    }
    if let Err(said) = ground.gateway.try_restart() {
        found.fault(format!("it does not start after the last loss of power: {said}"));
        return found;
    }
    ground.settle(&mut found);
    found.fact("losses of power under load", rounds);
    found.fact("bytes that were written and not flushed, and were lost", lost);
    found.fact("sectors that were written and not flushed, and were there all the same", torn);
    ground.sum_up(&mut found);
    // Who finds nothing lost must be able to: with what was flushed before the last round, something is.
    ground.gateway.kill();
    for (name, bytes) in FILES.into_iter().zip(earlier) {
        fs::write(ground.folder().join(name), bytes).expect("the folder can be written");
    }
    let _ = fs::remove_file(ground.folder().join("gateway.db-shm"));
    found.must(ground.gateway.try_restart().is_err() || ground.forgets(), || {
        "a gateway that was set back to an earlier flush seems to have lost nothing".to_owned()
    });
    found.must(lost > 0, || "nothing was ever lost: the library does not see the flushes".to_owned());
    found
}

/// Gives the file what it had when it was flushed last, and by chance some sectors of what came after. How many bytes that
/// took away, and how many sectors stayed.
fn lose(file: &Path, flushed: &Path, chance: &mut Chance) -> (usize, usize) {
    // A file that was never flushed since the start is as it was then.
    let (Ok(now), Ok(then)) = (fs::read(file), fs::read(flushed)) else { return (0, 0) };
    let length = if chance.once_in(2) { then.len() } else { now.len().max(then.len()) };
    let (mut after, mut lost, mut kept) = (then, 0, 0);
    after.resize(length, 0);
    for (number, place) in after.chunks_mut(SECTOR).enumerate() {
        let at = number * SECTOR;
        let written = now.get(at..(at + place.len()).min(now.len())).unwrap_or_default();
        if written == &place[..written.len()] {
            continue;
        }
        if chance.between(0, 4) == 0 {
            place[..written.len()].copy_from_slice(written);
            kept += 1;
        } else {
            lost += written.len();
        }
    }
    lost += now.len().saturating_sub(length);
    // That is what the next loss begins with.
    fs::write(flushed, &after).and_then(|()| fs::write(file, after)).expect("the folder can be written");
    (lost, kept)
}

fn compile(library: &Path) -> Result<(), String> {
    let source = crate::harness::repository("tests/proof/power/flushed.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(library).arg(source).arg("-ldl");
    let made = compiler.output().map_err(|error| format!("no C compiler ({error})"))?;
    made.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&made.stderr).into_owned())
}
