//! What chance decides, by a seed: the same seed decides the same.

use std::cell::Cell;

/// A stream of numbers (SplitMix64).
#[derive(Debug)]
pub(crate) struct Chance(Cell<u64>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0xD1B5_4A32_D192_ED03)))
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mixed = self.0.get();
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From the first to the last but one.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from).max(1)
    }

    /// So many times in a hundred.
    pub(crate) fn is(&self, percent: u64) -> bool {
        self.number() % 100 < percent
    }

    pub(crate) fn pick<'t, T>(&self, of: &'t [T]) -> &'t T {
        &of[self.between(0, of.len() as u64) as usize]
    }

    /// From 0 to 1.
    pub(super) fn fraction(&self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }
}

thread_local! {
    static JITTER: Chance = const { Chance(Cell::new(0)) };
}

/// The application's own chance begins anew.
pub(super) fn seed_jitter(seed: u64) {
    JITTER.with(|jitter| jitter.0.set(seed));
}

/// The application's own chance.
pub(super) fn jitter() -> f64 {
    JITTER.with(Chance::fraction)
}

/// A name, as an event's callback or a batch gets one.
pub(super) fn mint() -> std::sync::Arc<str> {
    format!("minted-{:016x}", JITTER.with(Chance::number)).into()
}
