//! xceed-gateway stands between contact centers and NICE Actimize Xceed: it takes JSON events, answers each with a
//! decision in time, and loses nothing that it acknowledged.
//!
//! Every event takes one path: **prepare** (JSON → event → payload, valid against the XSD, or refused with every
//! violation) → **record** (one transaction, the very text that will be sent) → **send** (sign, wrap, POST, read
//! Results; one attempt) → **settle** (the decision from the return code, one transaction, and everyone who waits is
//! told). Nothing is answered before what it says is on disk, and nothing is sent that is not at least queued to be
//! recorded.
//!
//! In reading order: [`domain`] is what is true without a network. [`application`] has the use cases and the ports
//! they need. [`xceed`] prepares and sends, over [`soap`]; [`platforms`] are where decisions go
//! back to. [`store`] records. [`sources`] makes events of bodies of any shape. [`http`] is the callers' side, [`console`] the operators'.
//! [`config`] reads settings, [`app`] wires, [`cli`] starts. [`simulator`] is an Xceed to run against.

pub mod app;
pub mod application;
pub mod cli;
pub mod config;
pub mod console;
pub mod domain;
pub mod http;
pub mod platforms;
pub mod secrets;
#[cfg(test)]
mod simulation;
pub mod simulator;
pub mod soap;
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod xceed;
