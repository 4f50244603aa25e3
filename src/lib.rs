//! xceed-gateway

pub mod application;
pub mod domain;
pub mod http;
pub mod secrets;
pub mod soap;
pub mod store;
pub mod xceed;
