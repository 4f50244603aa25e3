//! What the doors go by that may change while they are open: who may call, from where, how Xceed calls back, and what
//! becomes of bodies of any shape. All of it is swapped at once.

use super::auth::{Keys, Operator};
use super::callback::Wsdl;
use super::peer::Peers;
use crate::sources::Sources;
use crate::xceed::callback::Callbacks;
use actix_web::HttpRequest;
use arc_swap::{ArcSwap, Guard};
use std::sync::Arc;

/// What the doors go by.
pub struct Doors {
    pub(super) keys: Arc<Keys>,
    pub(super) peers: Arc<Peers>,
    pub(super) callbacks: Arc<Callbacks>,
    pub(super) wsdl: Wsdl,
    pub(super) sources: Sources,
    /// Who may look at the console.
    pub operators: Vec<Operator>,
    /// Whether browsers come by TLS, as far as is known.
    pub is_safe: bool,
}

impl Doors {
    /// `wsdl` is the callback's, with any address in it; the one to register at Xceed is put in its place.
    pub fn new(settings: &super::Settings, callbacks: Callbacks, wsdl: &str, sources: Sources) -> Self {
        let here = || format!("http://{}", settings.bind);
        let public_url = settings.public_url.clone().unwrap_or_else(here);
        Self {
            keys: settings.keys.clone(),
            peers: settings.peers.clone(),
            wsdl: Wsdl::at(&callbacks.address(&public_url), wsdl),
            callbacks: Arc::new(callbacks),
            sources,
            operators: settings.operators.clone(),
            is_safe: settings.tls.is_some() || settings.public_url.as_deref().is_some_and(is_https),
        }
    }
}

fn is_https(url: &str) -> bool {
    url.starts_with("https://")
}

/// What they go by just now.
pub fn doors(request: &HttpRequest) -> Option<Guard<Arc<Doors>>> {
    request.app_data::<Arc<ArcSwap<Doors>>>().map(|doors| doors.load())
}
