//! Certificates for a test: an authority of its own, what it signs, and an Xceed behind TLS.

use super::config::write_private;
use super::folder::Folder;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// When a certificate is good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    Now,
    Past,
    Future,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
}

/// Whoever signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) cert: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let cert = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), cert }
    }

    /// For whoever has this name or address.
    pub(crate) fn sign(&self, name: &str, time: Time) -> Pair {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let (from, to) = match time {
            Time::Now => (2020, 2090),
            Time::Past => (2020, 2021),
            Time::Future => (2089, 2090),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { cert, key: key.serialize_pem() }
    }
}

impl Pair {
    /// Puts both into a folder, and says where.
    pub(crate) fn write(&self, folder: &Folder, name: &str) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join(&format!("{name}.pem")), folder.join(&format!("{name}.key")));
        std::fs::write(&cert, &self.cert).expect("the test's folder can be written");
        write_private(&key, &self.key);
        (cert, key)
    }
}

/// Which clients an Xceed behind TLS lets in.
#[derive(Clone, Copy)]
pub(crate) enum Clients<'a> {
    All,
    SignedBy(&'a Authority),
}

/// An address that speaks TLS, and passes on what it hears to another.
pub(crate) fn behind_tls(to: SocketAddr, pair: &Pair, clients: Clients<'_>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = match clients {
        Clients::All => builder.with_no_client_auth(),
        Clients::SignedBy(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(authority.cert.as_bytes()).expect("PEM");
            roots.add(root).expect("a root");
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
    let config = builder.with_single_cert(vec![cert], key).expect("they belong together");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    listener.set_nonblocking(true).expect("it can be");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (listener, acceptor) =
                (TcpListener::from_std(listener).expect("a listener"), TlsAcceptor::from(Arc::new(config)));
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut session) = acceptor.accept(stream).await else { return };
                    let Ok(mut onward) = TcpStream::connect(to).await else { return };
                    let _ = copy_bidirectional(&mut session, &mut onward).await;
                });
            }
        });
    });
    address
}
