//! What the use cases may rely on of either store, asked of the store itself: SQLite, and PostgreSQL where this machine has
//! it. What shows from outside is tested there; here is what only they see: who gets which push, what the journal says
//! while others write, how batches and checks are counted.

#[path = "gateway/harness/folder.rs"]
#[expect(dead_code, reason = "the gateway's tests use more of it")]
mod folder;
#[path = "gateway/harness/postgres.rs"]
#[expect(dead_code, reason = "the gateway's tests use more of it")]
mod postgres;

#[path = "store/batches.rs"]
mod batches;
#[path = "store/journal.rs"]
mod journal;
#[path = "store/open.rs"]
mod open;
#[path = "store/pushes.rs"]
mod pushes;
#[path = "store/shared.rs"]
mod shared;
#[path = "store/trail.rs"]
mod trail;
