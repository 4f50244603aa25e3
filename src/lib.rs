//! xceed-gateway

pub mod domain;
