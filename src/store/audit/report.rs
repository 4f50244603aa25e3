//! What an auditor hears: what is wrong with a trail, by its first bad entry, and what is to be known beside it.

/// Something that is wrong, by the first entry that it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose chain.
    pub gateway: String,
    /// The first bad entry.
    pub n: i64,
    /// The last one that may be bad for the same reason.
    pub to: i64,
    /// What is wrong, in one word.
    pub what: What,
    /// And in a sentence.
    pub why: String,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An entry's text or hash was changed.
    Edited,
    /// Entries are missing, with others behind them.
    Deleted,
    /// Entries are missing at the end.
    Cut,
    /// All entries are missing.
    LogDeleted,
    /// All checkpoints are missing.
    CheckpointsDeleted,
    /// Entries were replaced, and their hashes made to fit.
    Rewritten,
    /// The chain goes on in two ways.
    Forked,
    /// A checkpoint is none, or not signed as it should be.
    BadCheckpoint,
}

impl What {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Cut => "cut",
            Self::LogDeleted => "log_deleted",
            Self::CheckpointsDeleted => "checkpoints_deleted",
            Self::Rewritten => "rewritten",
            Self::Forked => "forked",
            Self::BadCheckpoint => "bad_checkpoint",
        }
    }
}

/// One gateway's chain, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Whose chain.
    pub gateway: String,
    /// How many entries were read.
    pub entries: i64,
    /// How many checkpoints hold.
    pub checkpoints: usize,
    /// How many of the newest entries no checkpoint covers yet.
    pub uncovered: i64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The chains, by gateway.
    pub chains: Vec<ChainReport>,
    /// What is wrong: of each chain the first bad entry.
    pub findings: Vec<Finding>,
    /// What an auditor should know, and is not wrong.
    pub notes: Vec<String>,
}
