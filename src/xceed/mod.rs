//! Everything about Xceed: the payload and its schema sets, the messages around it, the signature, and the way there.

pub mod attempt;
pub mod display_fields;
pub mod link;
pub mod mapping;
pub mod operations;
pub mod payload;
pub mod results;
pub mod schema;
pub mod signature;
pub mod soap_client;
