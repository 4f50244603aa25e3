//! The use cases, one verb each. They know the domain and the ports they need; JSON, SOAP and SQL are behind those.

pub mod accept_callback;
pub mod admission;
pub mod batching;
pub mod breakers;
pub mod deliver;
pub mod ending;
pub mod follow_decisions;
pub mod gateway;
pub mod holds;
mod journey;
pub mod lines;
pub mod look_up;
mod mishap;
pub mod name_event;
pub mod parked;
pub mod pool;
pub mod ports;
pub mod push;
pub mod queue;
pub mod relay;
pub mod release;
pub mod retention;
pub mod submit_batch;
pub mod submit_event;
pub mod tenants;
pub mod tickets;
pub mod unrecorded;

#[cfg(test)]
mod tests;
