//! Writes and flushes of the store that fail: from a random one on, once, some times or for ever, as injected into the system
//! calls. Nothing is answered that is not on disk, what was answered is there afterwards, and where the errors end the gateway
//! records again without a new start.

use crate::chance::Chance;
use crate::ground::{Ground, is_taken_in, submit, wave};
use crate::report::{Findings, Request};
use std::process::Command;
use std::time::Duration;

const CALLS: [&str; 3] = ["pwrite64", "fdatasync", "pwrite64,fdatasync,fsync,ftruncate"];
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EDQUOT"];
/// The errors begin with one of the first so many calls.
const FIRST: u64 = 200;
/// How long it may take until it records again.
const RECOVERS: Duration = Duration::from_secs(10);

pub(crate) fn prove(request: &Request) -> Findings {
    let rounds: u32 = request.get("--rounds", 9, 200);
    let title = "errors: writes and flushes of the store fail";
    if !Command::new("strace").arg("-V").output().is_ok_and(|said| said.status.success()) {
        return Findings::skipped(title, "this machine has no strace");
    }
    let mut found = Findings::new(title);
    let mut chance = Chance::new(request.seed());
    let mut ground = Ground::start();
    let (mut starts_refused, mut healed, mut for_ever) = (0, 0, 0);
    for round in 0..rounds {
        let lasts = [1, 5, u64::MAX][round as usize % 3];
        let (first, error) = (chance.between(1, FIRST), ERRORS[(round / 3) as usize % 3]);
        let when = match lasts {
            1 => first.to_string(),
            u64::MAX => format!("{first}+"),
            more => format!("{first}..{}", first + more - 1),
        };
        let calls = CALLS[chance.between(0, CALLS.len() as u64) as usize];
        let inject = format!("inject={calls}:error={error}:when={when}");
        let files: Vec<String> = ["gateway.db", "gateway.db-wal", "audit.checkpoints"]
            .map(|name| ground.folder().join(name).display().to_string())
            .into();
        let mut words = vec!["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        files.iter().for_each(|file| words.extend(["-P", file]));
        match ground.gateway.restart_under(&words) {
            // Whoever can't write does not begin to serve.
            Err(said) => {
                starts_refused += 1;
                found.must(said.contains("error"), || format!("{inject}: it does not say why: {said}"));
            }
            Ok(()) => {
                let answers = submit(ground.gateway.address(), &wave(round, 60));
                ground.note(answers, false, &mut found);
                if lasts == u64::MAX {
                    for_ever += 1;
                } else {
                    let key = crate::events::Key { customer: 7 + 12 * 20, wave: round, place: 0 };
                    match is_taken_in(ground.gateway.address(), key, RECOVERS) {
                        Some(accepted) => {
                            healed += 1;
                            ground.accept(accepted);
                        }
                        None => found.fault(format!("{inject}: it does not record again")),
                    }
                }
            }
        }
        if let Err(said) = ground.gateway.try_restart() {
            found.fault(format!("{inject}: it does not start afterwards: {said}"));
            return found;
        }
        ground.settle(&mut found);
    }
    found.fact("rounds, each from a random call on", rounds);
    found.fact("starts that were refused", starts_refused);
    found.fact("recorded again without a new start, once the errors had ended", healed);
    found.fact("rounds whose errors did not end", for_ever);
    ground.sum_up(&mut found);
    found.must(ground.refused > 0, || "no error was ever met".to_owned());
    found
}
