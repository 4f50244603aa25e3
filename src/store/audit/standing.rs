//! Whether the store is the one that was signed: its chain, held against the checkpoints when the gateway starts. A
//! store from a backup is older than what was signed, and what it says is still to be sent may have been sent long ago.

use super::chain::{Hash, Head};
use super::checkpoint::Holding;
use std::cmp::Ordering;

/// How the store stands to what was signed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is recorded, and nothing was signed.
    New,
    /// It goes on from what was signed.
    Good,
    /// It ends before what was signed.
    Older(Doubt),
    /// It goes as far, and is not what was signed.
    Other(Doubt),
    /// Something is recorded, and no checkpoint is there.
    Unsigned(Doubt),
}

/// Where store and signature part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Where the store's chain ends.
    pub found: i64,
    /// How far the signed one came.
    pub signed: i64,
    /// The last checkpoint that fits the store.
    pub since: i64,
}

impl Standing {
    /// Holds a chain's end against its checkpoints. `hash_at` looks an entry up.
    ///
    /// # Errors
    /// The look-up fails.
    pub fn of<E>(
        holding: &Holding,
        head: Head,
        mut hash_at: impl FnMut(i64) -> Result<Option<Hash>, E>,
    ) -> Result<Self, E> {
        let found = head.n;
        let Some(last) = holding.last() else {
            let doubt = Doubt { found, signed: 0, since: 0 };
            return Ok(if found == 0 { Self::New } else { Self::Unsigned(doubt) });
        };
        let mut fits = |signed: Head| match signed.n.cmp(&found) {
            Ordering::Greater => Ok(false),
            Ordering::Equal => Ok(signed.hash == head.hash),
            Ordering::Less if signed.n == 0 => Ok(true),
            Ordering::Less => Ok(hash_at(signed.n)? == Some(signed.hash)),
        };
        if fits(last)? {
            return Ok(Self::Good);
        }
        // Where one fits, all before it do.
        let (mut good, mut bad) = (0, holding.heads.len());
        while good < bad {
            let middle = good + (bad - good) / 2;
            if fits(holding.heads[middle])? {
                good = middle + 1;
            } else {
                bad = middle;
            }
        }
        let since = holding.heads[..good].last().map_or(0, |head| head.n);
        let doubt = Doubt { found, signed: last.n, since };
        Ok(if found < last.n { Self::Older(doubt) } else { Self::Other(doubt) })
    }

    /// One word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Good => "good",
            Self::Older(_) => "older",
            Self::Other(_) => "other",
            Self::Unsigned(_) => "unsigned",
        }
    }

    /// Where it is not what was signed.
    pub fn doubt(&self) -> Option<Doubt> {
        match self {
            Self::New | Self::Good => None,
            Self::Older(doubt) | Self::Other(doubt) | Self::Unsigned(doubt) => Some(*doubt),
        }
    }

    /// The same, in words for the log and for operators.
    pub fn in_words(&self) -> Option<String> {
        let Doubt { found, signed, .. } = self.doubt()?;
        Some(match self {
            Self::Older(_) => format!(
                "the store is older than its checkpoints: its audit trail ends with entry {found}, \
                 and entry {signed} was signed"
            ),
            Self::Other(_) => {
                format!(
                    "the store is not the one whose checkpoints are there: its audit trail differs by entry {signed}"
                )
            }
            _ => format!(
                "the store's audit trail has {found} entries, and the file of its checkpoints is gone"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn head(n: i64) -> Head {
        Head { n, hash: [u8::try_from(n).expect("small"); 32] }
    }

    /// A store whose entries from `changed` on are others.
    fn standing(checkpoints: &[i64], length: i64, changed: i64) -> Standing {
        let holding = Holding { heads: checkpoints.iter().map(|n| head(*n)).collect(), ..Holding::default() };
        let at = |n: i64| if n >= changed { [0xFF; 32] } else { head(n).hash };
        let end = Head { n: length, hash: at(length) };
        Standing::of::<Infallible>(&holding, end, |n| Ok((1..=length).contains(&n).then(|| at(n))))
            .unwrap_or_else(|never| match never {})
    }

    #[test]
    fn a_store_that_goes_on_from_its_last_checkpoint_is_good() {
        assert_eq!(standing(&[], 0, 99), Standing::New);
        for (checkpoints, length) in [(&[0][..], 0), (&[0], 5), (&[0, 3, 7], 7), (&[0, 3, 7], 12)] {
            assert_eq!(standing(checkpoints, length, 99), Standing::Good, "{checkpoints:?} {length}");
        }
    }

    #[test]
    fn a_store_that_ends_before_its_last_checkpoint_is_older() {
        let doubt = |found, since| Standing::Older(Doubt { found, signed: 9, since });
        assert_eq!(standing(&[0, 3, 7, 9], 8, 99), doubt(8, 7));
        assert_eq!(standing(&[0, 3, 7, 9], 7, 99), doubt(7, 7));
        assert_eq!(standing(&[0, 3, 7, 9], 2, 99), doubt(2, 0));
        assert_eq!(standing(&[0, 3, 7, 9], 0, 99), doubt(0, 0));
        assert_eq!(standing(&[0, 3, 7, 9], 8, 5), doubt(8, 3), "older, and another one from 5 on");
    }

    #[test]
    fn a_store_with_other_entries_is_another() {
        let doubt = |since| Standing::Other(Doubt { found: 12, signed: 9, since });
        assert_eq!(standing(&[0, 3, 7, 9], 12, 8), doubt(7));
        assert_eq!(standing(&[0, 3, 7, 9], 12, 1), doubt(0));
    }

    #[test]
    fn entries_without_any_checkpoint_are_in_doubt() {
        let found = standing(&[], 4, 99);
        assert_eq!(found, Standing::Unsigned(Doubt { found: 4, signed: 0, since: 0 }));
        assert!(found.in_words().is_some_and(|words| words.contains("checkpoints is gone")));
    }
}
