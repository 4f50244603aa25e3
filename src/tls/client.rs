//! How a server is reached.

use super::pem::Identity;
use super::server::store;
use super::{VERSIONS, provider};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::BuilderVerifierExt;

/// Whom is trusted, and who one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// Only what one of these signed is trusted; what the system trusts, where they are not given.
    pub ca: Option<Vec<CertificateDer<'static>>>,
    /// The certificate that is shown where the server asks for one.
    pub identity: Option<Identity>,
}

/// Makes it ready to connect.
///
/// # Errors
/// Certificate and key don't belong together, or can't be used; in words.
pub fn client(settings: &ClientSettings) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&VERSIONS)
        .map_err(|error| error.to_string())?;
    let builder = match &settings.ca {
        Some(authorities) => builder.with_root_certificates(store(authorities)?),
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?,
    };
    match &settings.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain(), identity.private_key()?)
            .map_err(|error| format!("certificate and key can't be used: {error}")),
    }
}
