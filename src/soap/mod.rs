//! SOAP 1.1 and nothing else: the envelope around a message, and how one is read.

pub mod envelope;
pub mod tree;

/// The namespace of SOAP 1.1.
pub const NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
