//! Gateways that share a database, under chance: the real rules of a batch of writes (`batch.rs`) on tables in memory, with
//! gateways that stand still for longer than their leases and go on as if nothing had been, that are killed before and
//! behind a commit, that end in order, and that take over from each other, on virtual time. Each run is judged by
//! what leaves for Xceed, by what callers hear, and by what the tables hold in the end. What the statements themselves make
//! of that is for the tests on a real PostgreSQL to show.
//!
//!     cargo test --release --lib postgres::simulation                  some thousand seeds
//!     SEEDS=0..100000 cargo test --release --lib postgres::simulation
//!     SEEDS=17 cargo test --release --lib postgres::simulation -- --nocapture      one again, with each step

mod database;
mod gateways;
mod story;
mod world;

use crate::simulation::seeds;
use world::World;

/// Seeds of a usual run.
const USUAL: std::ops::Range<u64> = 0..4000;
/// So many broken seeds are told.
const TOLD: usize = 10;

#[test]
fn however_leases_are_lost_nothing_is_and_every_word_stands() {
    let (seeds, is_one) = seeds(USUAL);
    let all = seeds.end - seeds.start;
    let broken: Vec<(u64, Vec<String>)> = seeds
        .map(|seed| (seed, World::new(seed).play(is_one)))
        .filter(|(_, wrong)| !wrong.is_empty())
        .collect();
    for (seed, wrong) in broken.iter().take(TOLD) {
        println!("SEEDS={seed}: {}", wrong.join("\n    "));
    }
    let which: Vec<u64> = broken.iter().map(|(seed, _)| *seed).collect();
    assert!(broken.is_empty(), "{} of {all} seeds break a promise: {which:?}", broken.len());
}
