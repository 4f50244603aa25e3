//! Whoever finds nothing wrong must be able to: what is put wrong here is found.

use super::Run;
use crate::arrivals::Arrivals;
use crate::book::Book;
use crate::customers::Accepted;
use crate::events::{Key, Mode, SECOND};
use crate::report::Findings;

impl Run {
    /// An event that was never submitted is lost, one that was told otherwise is decided twice, and one behind a later
    /// one is out of order.
    pub(super) fn doubt(&mut self) {
        let addresses = self.addresses();
        let (mut book, mut arrivals) = (Book::default(), Arrivals::default());
        let mut found = Findings::silent();
        let accepted = |key: Key| Accepted { key, mode: Mode::Sync, told: b"{}".as_slice().into() };
        let nobody = Key { customer: SECOND - 1, wave: 0, place: 0 };
        book.accept(vec![accepted(nobody)]);
        book.settle(&addresses, |_| true, &mut found);
        let lost = book.lost;
        book.accept(self.book.a_settled_one().map(accepted).into_iter().collect());
        book.settle(&addresses, |_| true, &mut found);
        for wave in [1, 0] {
            arrivals.arrive(Key { wave, ..nobody }, &mut found);
        }
        let all = [lost, book.contradictions, arrivals.inversions];
        self.found.must(all == [1, 1, 1], || format!("what was put wrong is not found: {all:?}"));
    }
}
