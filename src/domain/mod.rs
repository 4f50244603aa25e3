//! What is true without a network: events, return codes, decisions, and the rules of a delivery.
//! No I/O, no async, no clock: time and randomness come as arguments.

pub mod admission;
pub mod breaker;
pub mod bringing_back;
pub mod budget;
pub mod card_number;
pub mod chunk;
pub mod decision;
pub mod delivery;
pub mod event;
pub mod field;
pub mod going_back;
pub mod hold;
pub mod identifiers;
pub mod limits;
pub mod naming;
pub mod order;
pub mod pace;
pub mod pass_through;
pub mod policy;
pub mod return_code;
pub mod velocity;
