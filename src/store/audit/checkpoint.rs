//! A checkpoint: one line that says, under the gateway's signature, how far its chain had come and with which hash. It
//! lies outside the database, so that whoever changes that does not change this.

use super::chain::{Hash, Head};
use super::key::{Key, Public, gateway_of, is_signed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What stands between the text that is signed and the signature.
const BEFORE_SIGNATURE: &str = ",\"signature\":\"";

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose chain.
    pub gateway: String,
    /// How far it had come.
    pub head: Head,
    /// When.
    pub at: Timestamp,
    /// An operator's decision that the chain goes on from here, whatever was signed before.
    pub accepted: Option<Accepted>,
    /// Who signed.
    pub key: Public,
}

/// An operator took a store that is not the one that was signed, such as an older one from a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The operator.
    pub by: String,
    /// The last checkpoint that still holds; those after it do not any more.
    pub since: i64,
    /// How far the chain had come that is given up.
    pub over: i64,
    /// Where that is another gateway's chain, as in a store from a backup without its key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub other: Option<Other>,
}

/// Another gateway's chain, as it was found in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Whose chain.
    pub gateway: String,
    /// How far it came.
    pub n: i64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    gateway: String,
    n: i64,
    hash: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    accepted: Option<Accepted>,
    key: String,
}

impl Checkpoint {
    /// The line, signed, without its end.
    pub fn signed(key: &Key, head: Head, at: Timestamp, accepted: Option<Accepted>) -> String {
        let line = Line {
            gateway: key.gateway().to_owned(),
            n: head.n,
            hash: hex::encode(head.hash),
            at: format!("{at:.6}"),
            accepted,
            key: hex::encode(key.public()),
        };
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.pop(); // the closing brace, which is behind the signature
        let signature = key.sign(&text);
        format!("{text}{BEFORE_SIGNATURE}{signature}\"}}")
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, where it is none, or its signature is not that of the key it names.
    pub fn read(line: &str) -> Result<Self, &'static str> {
        let (text, signature) = line.rsplit_once(BEFORE_SIGNATURE).ok_or("is no checkpoint")?;
        let signature = signature.strip_suffix("\"}").and_then(|digits| hex::decode(digits).ok());
        let signature = signature.ok_or("is no checkpoint")?;
        let read: Line = serde_json::from_str(line).map_err(|_| "is no checkpoint")?;
        let key: Public = digits(&read.key).ok_or("names no key")?;
        if !is_signed(&key, text, &signature) {
            return Err("is not signed by the key that it names");
        }
        if read.gateway != gateway_of(&key) {
            return Err("is signed by the key of another gateway");
        }
        Ok(Self {
            gateway: read.gateway,
            head: Head { n: read.n, hash: digits(&read.hash).ok_or("holds no hash")? },
            at: read.at.parse().map_err(|_| "holds no time")?,
            accepted: read.accepted,
            key,
        })
    }
}

fn digits(text: &str) -> Option<Hash> {
    hex::decode(text).ok()?.try_into().ok()
}

/// All checkpoints of a file, in its order.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    /// Those that are signed.
    pub signed: Vec<Checkpoint>,
    /// Lines that are none, by number from 1, and why.
    pub faults: Vec<(usize, &'static str)>,
}

impl Checkpoints {
    /// Reads a file's text. A last line without an end was not finished by a crash and does not count.
    pub fn read(text: &str) -> Self {
        let mut checkpoints = Self::default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for (number, line) in text[..whole].lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            match Checkpoint::read(line) {
                Ok(checkpoint) => checkpoints.signed.push(checkpoint),
                Err(why) => checkpoints.faults.push((number + 1, why)),
            }
        }
        checkpoints
    }

    /// The gateways that have signed.
    pub fn gateways(&self) -> Vec<&str> {
        let mut gateways: Vec<_> = self.signed.iter().map(|checkpoint| checkpoint.gateway.as_str()).collect();
        gateways.sort_unstable();
        gateways.dedup();
        gateways
    }

    /// What holds of what a gateway has signed. Those that are believed may have given some of it up.
    pub fn of(&self, gateway: &str, believed: &[String]) -> Holding {
        let mut holding = Holding::default();
        for checkpoint in &self.signed {
            let other = checkpoint.accepted.as_ref().and_then(|accepted| accepted.other.as_ref());
            if checkpoint.gateway == gateway {
                holding.add(checkpoint);
            } else if let (Some(accepted), Some(other)) = (&checkpoint.accepted, other)
                && other.gateway == gateway
                && believed.contains(&checkpoint.gateway)
            {
                holding.heads.retain(|known| known.n <= accepted.since);
                holding.taken = holding.taken.max(other.n);
            }
        }
        holding
    }
}

/// What holds of a gateway's checkpoints: each further than the one before.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// By number, rising.
    pub heads: Vec<Head>,
    /// Decisions of operators, and when.
    pub accepted: Vec<(Head, Accepted, Timestamp)>,
    /// The number from which on two signed checkpoints tell of different chains.
    pub fork: Option<i64>,
    /// Who signed.
    pub key: Option<Public>,
    /// So far it was taken as it was found, by an operator of another gateway.
    pub taken: i64,
}

impl Holding {
    fn add(&mut self, checkpoint: &Checkpoint) {
        let head = checkpoint.head;
        self.key = Some(checkpoint.key);
        if let Some(accepted) = &checkpoint.accepted {
            if accepted.other.is_none() {
                self.heads.retain(|known| known.n <= accepted.since);
            }
            self.accepted.push((head, accepted.clone(), checkpoint.at));
        }
        match self.heads.last() {
            // It goes back, or says something else: two chains were signed.
            Some(last) if last.n >= head.n => {
                if !self.heads.contains(&head) {
                    let before = self.heads.iter().rev().find(|known| known.n < head.n);
                    let before = before.map_or(0, |known| known.n);
                    self.fork = self.fork.or(Some(before + 1));
                }
            }
            _ => self.heads.push(head),
        }
    }

    /// The last one.
    pub fn last(&self) -> Option<Head> {
        self.heads.last().copied()
    }
}
