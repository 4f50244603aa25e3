//! Everything about Xceed: the payload and its schema sets, the messages around it, the signature, and the way there.

pub mod attempt;
mod boundaries;
pub mod callback;
mod chunk;
pub mod display_fields;
pub mod explain;
pub mod link;
pub mod mapping;
pub mod operations;
pub mod paths;
pub mod payload;
pub mod preview;
pub mod results;
pub mod rewriting;
pub mod schema;
pub mod signature;
pub mod soap_client;
