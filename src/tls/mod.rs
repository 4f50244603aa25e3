//! TLS by rustls, 1.2 and 1.3: what callers are served with, and how Xceed is reached. Certificates and keys come as PEM,
//! from whoever reads files; here they are made sense of, once.

mod address;
mod client;
mod pem;
mod server;
mod validity;

pub use address::is_safe;
pub use client::{ClientSettings, client};
pub use pem::{Identity, roots};
pub use server::{ServerSettings, server};
pub use validity::validity;

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one provider.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Both versions that are spoken.
static VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
