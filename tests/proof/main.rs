//! Proofs: what is promised about crashes, forgeries and outages, shown by programs that know the gateway only from the
//! outside: its binary, its HTTP, what the simulator received. Each has a short form, which all run together when
//! nothing is named, and a long one, whose results stand in `RESULTS.md`.
//! Not the place for a single case: those are told in `tests/gateway`, one by one.

#![expect(clippy::disallowed_methods, reason = "a proof measures from the outside")]

#[expect(dead_code, unused_imports, reason = "the gateway's tests use the rest")]
#[path = "../gateway/harness/mod.rs"]
mod harness;
#[path = "../../benches/gateway/http.rs"]
mod http;
#[expect(dead_code, reason = "the benchmarks use the rest")]
#[path = "../../benches/measure/mod.rs"]
mod measure;

mod arrivals;
mod audit;
mod back;
mod book;
mod breaker;
mod callbacks;
mod callers;
mod chance;
mod costs;
mod customers;
mod deadline;
mod disk;
mod errors;
mod events;
mod ground;
mod ill;
mod kill;
mod load;
mod outage;
mod power;
mod report;
mod rolling;
mod secret;
mod slow;
mod soak;
mod stall;
mod store;
mod stream;
mod tokens;
mod trace;
mod weather;

use measure::Arguments;
use report::{Findings, Request};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
cargo test --release --locked --test proof                            every proof in its short form
cargo test --release --locked --test proof -- PROOF [options]         one proof; any option asks for the long form

kill        kill -9 at random moments under load: nothing lost, decided once, in order, a valid audit chain
kill-postgres        the same with two gateways on one PostgreSQL
  --gateways 1       that share the store
  --cycles 200
  --events 2000      accepted in each, about
  --customers 200    each with some events in flight
disk        record, flush, answer: the order of the system calls of each accepted event
disk-postgres        the same on PostgreSQL
  --events 1000
callbacks   copies of one callback, and forged ones of every kind
  --copies 1000
  --forged 100000
secret      a wrong secret under load: the queue is held, and leaves in order once the secret is right
  --seconds 600      of the wrong secret
  --rate 100         events a second
back        kill -9 while decisions go back: each is there at the end, as it was told
back-postgres        the same with two gateways on one PostgreSQL
  --cycles 60
  --rate 100         events a second
tokens      a token endpoint that is down under load: every decision goes into its interaction when it is back
  --seconds 60       of that
  --rate 100         events a second
outage      Xceed is out of order in every way in turn: every decision without a score gets its late one, in the stream
            and in the interaction, and those stricter than what was told alarm
  --seconds 600      of that
  --rate 5           events a second: so many are sent again at least

deadline    sync calls while Xceed is ill in 26 ways at once: everybody is answered on time, and nothing ill decides
  --calls 100000
  --rate 300         a second

breaker     Xceed dies under load and comes back: everybody is answered on time, everything is delivered in order
  --seconds 120      of its death
  --rate 200         events a second

rolling     two gateways on one PostgreSQL are restarted one after the other: nobody is late, nothing is lost
  --restarts 20
  --rate 200         events a second

errors      writes and flushes of the store fail, from a random one on: nothing is answered that is not on disk
  --rounds 200

power       the machine loses its power under load: what was answered was flushed, and is there
  --rounds 200

slow        Xceed falls to half of what it is asked: everybody is answered on time, and all is as usual soon after
  --seconds 600      of that
  --rate 100         events a second

costs       hostile events, callbacks and answers: none takes ten times what the largest legal event takes
  --times 20         each

soak        hours of it, with one fault in a hundred: memory, descriptors, threads, answers and the log stay as they are
  --seconds 28800
  --rate 500         events a second

load        a large file brought by `load`; the loader and the gateway are killed on the way
load-postgres        the same on PostgreSQL
  --events 1000000

--long           the long form as it is
--seed N         repeats what chance decided
--report FILE    adds the results to this file, in Markdown";

struct Proof {
    name: &'static str,
    run: fn(&Request) -> Findings,
}

const PROOFS: &[Proof] = &[
    Proof { name: "kill", run: |request| kill::prove(request, "sqlite", 1) },
    Proof { name: "kill-postgres", run: |request| kill::prove(request, "postgres", 2) },
    Proof { name: "disk", run: |request| disk::prove(request, "sqlite") },
    Proof { name: "disk-postgres", run: |request| disk::prove(request, "postgres") },
    Proof { name: "callbacks", run: callbacks::prove },
    Proof { name: "load", run: |request| load::prove(request, "sqlite") },
    Proof { name: "load-postgres", run: |request| load::prove(request, "postgres") },
    Proof { name: "secret", run: secret::prove },
    Proof { name: "back", run: |request| back::prove(request, "sqlite", 1) },
    Proof { name: "back-postgres", run: |request| back::prove(request, "postgres", 2) },
    Proof { name: "tokens", run: tokens::prove },
    Proof { name: "outage", run: outage::prove },
    Proof { name: "breaker", run: breaker::prove },
    Proof { name: "deadline", run: deadline::prove },
    Proof { name: "rolling", run: rolling::prove },
    Proof { name: "errors", run: errors::prove },
    Proof { name: "power", run: power::prove },
    Proof { name: "slow", run: slow::prove },
    Proof { name: "costs", run: costs::prove },
    Proof { name: "soak", run: soak::prove },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = words.iter().any(|word| word.starts_with("--"));
    // What the test runner of the other targets is told means nothing here.
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let asked = words.first().is_some_and(|word| PROOFS.iter().any(|proof| proof.name == word)) && options;
    let arguments = if asked || words.iter().any(|word| word == "--help") {
        Arguments::read(USAGE)
    } else {
        Arguments::default()
    };
    let request = Request::new(arguments, asked);
    let named = |proof: &&Proof| {
        words.first().is_none_or(|word| proof.name == word || (!asked && proof.name.contains(word.as_str())))
    };
    let (mut passed, mut failed) = (0, 0);
    for proof in PROOFS.iter().filter(named) {
        if run(proof, &request) { passed += 1 } else { failed += 1 }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(proof: &Proof, request: &Request) -> bool {
    let begun = Instant::now();
    println!("{}: seed {}", proof.name, request.seed());
    let found = catch_unwind(AssertUnwindSafe(|| (proof.run)(request)));
    // A panic has said why already.
    let Ok(found) = found else {
        println!("{}: broken off", proof.name);
        return false;
    };
    println!("\n{}", found.markdown(request, begun.elapsed()));
    request.keep(&found, begun.elapsed());
    found.held()
}
