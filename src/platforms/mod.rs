//! Where decisions go back to: CXone, Genesys, and whoever listens for webhooks. One attempt at a time; when and how often
//! is not decided here.
//!
//! `discovery` knows where they are, `token` has the access tokens, `api` a call that needs one, `answer` what an answer means; `cxone`, `genesys` and
//! `webhook` know the shapes, `said` what of a decision goes into them.

mod address;
mod answer;
mod api;
mod cxone;
mod discovery;
mod genesys;
mod said;
mod settings;
mod token;
mod webhook;

pub use settings::{
    CxoneSettings, GenesysSettings, GrantSettings, IssuerSettings, Settings, WaySettings, WebhookSettings,
};

use crate::application::ports::{Local, Push, Pushing};
use crate::domain::bringing_back::Pushed;
use crate::domain::identifiers::TenantName;
use arc_swap::ArcSwap;
use cxone::Cxone;
use genesys::Genesys;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use webhook::Webhook;

/// How long an unused connection is kept: below the 5 s after which many servers close theirs.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(4);

/// How long one attempt may take with all its requests: below the time after which another gateway would begin one.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// The ways to all targets, as they are now.
pub type LivePlatforms = Arc<ArcSwap<Platforms>>;

/// The ways to all targets.
#[derive(Default)]
pub struct Platforms {
    ways: HashMap<(TenantName, String), Arc<Way>>,
}

/// The way to one.
enum Way {
    Cxone(Cxone),
    Genesys(Genesys),
    Webhook(Webhook),
}

impl Platforms {
    /// The ways that these settings of each tenant say.
    ///
    /// # Errors
    /// TLS can't be set up.
    pub fn new<'s>(
        tenants: impl Iterator<Item = (&'s TenantName, &'s Settings)>,
    ) -> Result<Self, reqwest::Error> {
        let client = http_client()?;
        let mut ways = HashMap::new();
        for (tenant, settings) in tenants {
            let mut put = |name: String, way| ways.insert((tenant.clone(), name), Arc::new(way));
            if let Some(cxone) = &settings.cxone {
                put(settings::CXONE.to_owned(), Way::Cxone(Cxone::new(tenant, cxone, &client)));
            }
            if let Some(genesys) = &settings.genesys {
                put(settings::GENESYS.to_owned(), Way::Genesys(Genesys::new(tenant, genesys, &client)));
            }
            for webhook in &settings.webhooks {
                put(webhook.target(), Way::Webhook(Webhook::new(webhook, &client)));
            }
        }
        Ok(Self { ways })
    }

    fn way(&self, push: &Push) -> Option<Arc<Way>> {
        self.ways.get(&(push.tenant.clone(), push.target.clone())).cloned()
    }
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("xceed-gateway/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never()) // what is brought again is the decision's business
        .pool_idle_timeout(IDLE_MAX)
        .connect_timeout(CONNECT_MAX)
        .build()
}

/// Brings decisions there, by whatever the ways are at that time.
pub struct Carrier(pub LivePlatforms);

impl Pushing for Carrier {
    fn push(&self, push: Push) -> Local<Pushed> {
        let way = self.0.load().way(&push);
        Box::pin(async move {
            let Some(way) = way else { return Pushed::Refused("not_configured") };
            let attempt = async {
                match &*way {
                    Way::Cxone(cxone) => cxone.push(&push).await,
                    Way::Genesys(genesys) => genesys.push(&push).await,
                    Way::Webhook(webhook) => webhook.push(&push).await,
                }
            };
            let late = Pushed::Later { why: "it did not answer in time", left: true, pause: None };
            timeout(ATTEMPT_MAX, attempt).await.unwrap_or(late)
        })
    }
}
