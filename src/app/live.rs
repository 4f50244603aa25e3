//! What of a configuration can be swapped while the gateway runs, beside the tenants themselves: the links to Xceed,
//! what the doors go by, and the ways that decisions go back.

use super::{Sets, sources};
use crate::config::{Config, TenantSettings};
use crate::domain::identifiers::TenantName;
use crate::http::{Doors, LiveTls};
use crate::platforms::{LivePlatforms, Platforms};
use crate::telemetry::metrics::CERTIFICATES;
use crate::tls;
use crate::xceed::callback::Callbacks;
use crate::xceed::soap_client::{Links, LiveLinks, SoapClient};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::{Arc, PoisonError};

/// What is swapped: whoever has it sees at once what was put in its place.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) links: LiveLinks,
    pub(super) doors: Arc<ArcSwap<Doors>>,
    pub(super) platforms: LivePlatforms,
    /// Empty where callers are served in the clear.
    pub(super) tls: LiveTls,
    /// The certificates that are shown, and when they end.
    certificates: Arc<[(String, f64)]>,
}

impl Live {
    /// Made from settings alone. `before` is what goes on where it is still the same.
    pub(super) fn new(
        config: &Config,
        sets: &Sets,
        promoted_keys: &[(TenantName, String)],
        before: Option<&Self>,
    ) -> Result<Self, Vec<String>> {
        let settings: Vec<_> =
            config.tenants.iter().map(|tenant| (tenant.tenant.name.clone(), tenant.link.clone())).collect();
        let is_first = before.is_none();
        let before = before.map(|live| live.links.load());
        let links = sets.links(&settings, promoted_keys, before.as_deref().map(AsRef::as_ref))?;
        let callbacks = callbacks(sets, &config.tenants, &links);
        let (sources, odd) = sources::compile(&config.tenants, &links)?;
        for warning in odd {
            tracing::warn!("{warning}");
        }
        let doors = Doors::new(&config.server, callbacks, &config.documents.callback_wsdl, sources);
        let ways = config.tenants.iter().map(|tenant| (&tenant.tenant.name, &tenant.platforms));
        let platforms = Platforms::new(ways).map_err(|error| vec![error.to_string()])?;
        let tls = config.server.tls.as_ref().map(tls::server).transpose().map_err(|error| vec![error])?;
        let live = Self {
            tls: Arc::new(ArcSwapOption::from(tls)),
            certificates: certificates(config).collect(),
            links: Arc::new(ArcSwap::from_pointee(links)),
            doors: Arc::new(ArcSwap::from_pointee(doors)),
            platforms: Arc::new(ArcSwap::from_pointee(platforms)),
        };
        // Each thread makes a client of its own; that it can is found out now.
        SoapClient::new(live.links.clone()).map_err(|error| vec![error.to_string()])?;
        if is_first {
            live.tell_certificates();
        }
        Ok(live)
    }

    /// Puts another in its place. Whoever may call is swapped last, when all that they need is there.
    pub(super) fn replace(&self, other: &Self, tenants: impl FnOnce()) {
        self.links.store(other.links.load_full());
        self.platforms.store(other.platforms.load_full());
        // Whether there is any takes a new start to change.
        if let (Some(_), Some(tls)) = (&*self.tls.load(), other.tls.load_full()) {
            self.tls.store(Some(tls));
        }
        other.tell_certificates();
        tenants();
        self.doors.store(other.doors.load_full());
    }

    fn tell_certificates(&self) {
        *CERTIFICATES.write().unwrap_or_else(PoisonError::into_inner) = self.certificates.to_vec();
    }

    /// The keys that Xceed was found to have moved to.
    pub(super) fn promoted_keys(&self) -> Vec<(TenantName, String)> {
        let links = self.links.load();
        links.iter().filter_map(|(name, link)| Some((name.clone(), link.promoted_key()?))).collect()
    }
}

/// The server's certificate and those that tenants' links show, each with its end in seconds since 1970.
fn certificates(config: &Config) -> impl Iterator<Item = (String, f64)> {
    let server = config.server.tls.iter().map(|tls| ("server".to_owned(), &tls.identity));
    let links = config.tenants.iter().filter_map(|tenant| {
        Some((format!("xceed:{}", tenant.tenant.name), tenant.link.tls.identity.as_ref()?))
    });
    server
        .chain(links)
        .filter_map(|(name, identity)| Some((name, identity.valid_until()?.as_second() as f64)))
}

/// The tenants that can be called back.
fn callbacks(sets: &Sets, tenants: &[TenantSettings], links: &Links) -> Callbacks {
    let called_back = tenants.iter().filter_map(|settings| {
        let callback = settings.tenant.callback.as_ref()?;
        let name = &settings.tenant.name;
        Some((name.clone(), callback.id.clone(), links.get(name)?.clone()))
    });
    Callbacks::new(sets.api.clone(), called_back.collect())
}
