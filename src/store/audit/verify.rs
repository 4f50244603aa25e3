//! Verification: entries and checkpoints in, everything that is wrong with them out. Pure; reads each entry once and
//! keeps none, so a trail of any length fits.

use super::chain::{Entry, Head};
use super::checkpoint::{Checkpoints, Holding};
use super::key::{Public, gateway_of};
use super::report::{ChainReport, Finding, Report, What};
use std::collections::BTreeMap;

/// Holds entries against checkpoints. Each gateway's entries come in the order in which they are stored; those of
/// several may come mixed. `trusted` are public keys that the auditor has from elsewhere: each must have a chain. Where
/// the store is shared, the checkpoints of other gateways lie elsewhere.
///
/// # Errors
/// The entries can't be read.
pub fn verify<E>(
    entries: impl IntoIterator<Item = Result<Entry, E>>,
    checkpoints: &Checkpoints,
    trusted: &[Public],
    is_shared: bool,
) -> Result<Report, E> {
    let mut walks: BTreeMap<String, Walk> = BTreeMap::new();
    let named = checkpoints.gateways().into_iter().map(str::to_owned);
    let believed: Vec<String> = trusted.iter().map(gateway_of).collect();
    for gateway in named.chain(believed.iter().cloned()) {
        let holding = checkpoints.of(&gateway, &believed);
        walks.entry(gateway).or_insert_with(|| Walk::new(holding));
    }
    for entry in entries {
        let entry = entry?;
        match walks.get_mut(&entry.gateway) {
            Some(walk) => walk.step(&entry),
            None => {
                let mut walk = Walk::new(checkpoints.of(&entry.gateway, &believed));
                walk.step(&entry);
                walks.insert(entry.gateway, walk);
            }
        }
    }
    let mut report = Report::default();
    for (number, why) in &checkpoints.faults {
        report.findings.push(Finding {
            gateway: "-".to_owned(),
            n: 0,
            to: 0,
            what: What::BadCheckpoint,
            why: format!("line {number} of the checkpoints {why}"),
        });
    }
    for (gateway, mut walk) in walks {
        if is_shared && walk.holding.key.is_none() && !believed.contains(&gateway) {
            walk.holding.taken = i64::MAX;
            report.notes.push(format!(
                "gateway {gateway}: another gateway's; its entries fit together, and are to be held against its own \
                 checkpoints, where those lie"
            ));
        }
        walk.finish(&gateway, trusted, &mut report);
    }
    Ok(report)
}

/// One chain while it is read.
struct Walk {
    holding: Holding,
    /// The next checkpoint that is to be met.
    next: usize,
    /// The last entry that checkpoints confirm.
    confirmed: i64,
    last: Option<Head>,
    read: i64,
    /// An entry whose hash is not the one that the next names: which of the two is bad shows behind them.
    parted: Option<Head>,
    found: Option<(i64, i64, What, String)>,
}

impl Walk {
    fn new(holding: Holding) -> Self {
        let mut walk =
            Self { holding, next: 0, confirmed: 0, last: None, read: 0, parted: None, found: None };
        walk.meet(Head::START);
        walk
    }

    fn find(&mut self, n: i64, to: i64, what: What, why: impl Into<String>) {
        self.found.get_or_insert_with(|| (n, to, what, why.into()));
    }

    fn step(&mut self, entry: &Entry) {
        self.read += 1;
        if self.found.is_some() {
            return;
        }
        let last = self.last.unwrap_or(Head::START);
        if let Some(before) = self.parted.take() {
            // The entry before this one names another hash for the one before it.
            let (n, why) = if entry.before == last.hash {
                (before.n, "was replaced: the entry behind it names another hash for it")
            } else {
                (last.n, "was replaced: it fits neither the entry before nor the one behind")
            };
            return self.find(n, n, What::Edited, why);
        }
        let wanted = last.n + 1;
        if entry.n > wanted {
            return self.find(wanted, entry.n - 1, What::Deleted, "is missing, and others are behind it");
        }
        if entry.n < wanted {
            let why = "stands there more than once: the chain goes on in two ways, or its order was changed";
            return self.find(entry.n.max(1), entry.n.max(1), What::Forked, why);
        }
        if !entry.is_whole() {
            return self.find(wanted, wanted, What::Edited, "was changed: its hash is not that of its text");
        }
        if !entry.says_so() {
            return self.find(
                wanted,
                wanted,
                What::Edited,
                "was changed: its text says that it is another entry",
            );
        }
        let head = entry.head();
        if entry.before != last.hash {
            let signed = self.holding.heads.contains(&last);
            if last.n == 0 || signed {
                let why = "was replaced: it names another hash for the entry before";
                return self.find(wanted, wanted, What::Edited, why);
            }
            self.parted = Some(last);
            self.last = Some(head);
            return;
        }
        self.last = Some(head);
        self.meet(head);
    }

    /// Holds an entry against the checkpoint of its number, where there is one.
    fn meet(&mut self, head: Head) {
        let Some(signed) = self.holding.heads.get(self.next).filter(|signed| signed.n == head.n) else {
            return;
        };
        self.next += 1;
        if signed.hash == head.hash {
            self.confirmed = head.n;
        } else {
            let (from, n) = (self.confirmed + 1, head.n);
            let why =
                format!("or one of those up to {n} was rewritten: entry {n} was signed with another hash");
            self.find(from.min(n.max(1)), n, What::Rewritten, why);
        }
    }

    fn finish(mut self, gateway: &str, trusted: &[Public], report: &mut Report) {
        if let Some(before) = self.parted {
            let why = "was replaced: the entry behind it names another hash for it";
            self.find(before.n, before.n, What::Edited, why);
        }
        self.look_at_the_end();
        let found = self.found.take();
        let fork = self.holding.fork.filter(|fork| found.as_ref().is_none_or(|(n, ..)| fork <= n));
        let fork = fork.map(|n| {
            (n, n, What::Forked, "was signed with two hashes: two gateways went on from here".to_owned())
        });
        if let Some((n, to, what, why)) = fork.or(found) {
            report.findings.push(Finding { gateway: gateway.to_owned(), n, to, what, why });
        }
        for (head, accepted, at) in &self.holding.accepted {
            let (by, over, since) = (&accepted.by, accepted.over, accepted.since);
            let (chain, n) = accepted.other.as_ref().map_or((gateway, head.n), |it| (&it.gateway, it.n));
            report.notes.push(format!(
                "gateway {gateway}: at {at:.3} {by} accepted a store that was not the signed one: the chain of {chain} \
                 with its {n} entries; of what was signed of it up to entry {over}, what came after entry {since} is \
                 given up"
            ));
        }
        if let Some(key) = self.holding.key.filter(|key| !trusted.contains(key)) {
            report.notes.push(format!(
                "gateway {gateway}: signed by key {}, which is not the one given; whether it may be believed \
                 is known elsewhere",
                hex::encode(key)
            ));
        }
        report.chains.push(ChainReport {
            gateway: gateway.to_owned(),
            entries: self.read,
            checkpoints: self.holding.heads.len(),
            uncovered: self.last.map_or(0, |head| head.n - self.confirmed).max(0),
        });
    }

    /// What only the end shows: entries that were signed and are not there, and checkpoints that are not there.
    fn look_at_the_end(&mut self) {
        let end = self.last.map_or(0, |head| head.n);
        match self.holding.last().map(|signed| signed.n) {
            None if self.read > 0 && end <= self.holding.taken => {}
            None if self.read > 0 => {
                let why = "and all others are without any checkpoint: the checkpoints were deleted";
                self.find(1, end, What::CheckpointsDeleted, why);
            }
            None => {
                self.find(1, 1, What::LogDeleted, "is missing, and so is every checkpoint of this gateway");
            }
            Some(signed) if signed > 0 && self.read == 0 => {
                self.find(
                    1,
                    signed,
                    What::LogDeleted,
                    format!("is missing, and so are all others up to {signed}"),
                );
            }
            Some(signed) if signed > end => {
                let confirmed = self.confirmed;
                let why = format!(
                    "is missing: entries up to {signed} were signed, those up to {confirmed} are confirmed"
                );
                self.find(end + 1, signed, What::Cut, why);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
