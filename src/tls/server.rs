//! What callers are served with.

use super::pem::Identity;
use super::{VERSIONS, provider};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

/// A server's certificate, and whose clients are let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Who it is.
    pub identity: Identity,
    /// Where they are given: only who shows a certificate that one of these signed is let in.
    pub client_ca: Option<Vec<CertificateDer<'static>>>,
}

/// Makes it ready to serve. HTTP/1.1 alone.
///
/// # Errors
/// Certificate and key don't belong together, or can't be used; in words.
pub fn server(settings: &ServerSettings) -> Result<Arc<ServerConfig>, String> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&VERSIONS)
        .map_err(|error| error.to_string())?;
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(store(authorities)?), provider());
            let verifier = verifier.build().map_err(|error| format!("client_ca: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let made = builder.with_single_cert(settings.identity.chain(), settings.identity.private_key()?);
    let mut config = made.map_err(|error| format!("certificate and key can't be used: {error}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The roots of trust.
pub(super) fn store(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store.add(authority.clone()).map_err(|error| format!("the authority's certificate: {error}"))?;
    }
    Ok(store)
}
