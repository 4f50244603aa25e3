//! Where a platform is: as it is configured, or as CXone's discovery documents say, for whoever knows the issuer alone. What
//! they name must be as safe as what is configured.

use super::address::encode;
use super::answer::Answer;
use crate::domain::bringing_back::{Pause, Pushed};
use crate::domain::identifiers::TenantName;
use crate::tls::is_safe;
use reqwest::Client;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What was found holds so long; where it can't be looked up again, longer.
const HOLDS: Duration = Duration::from_secs(60 * 60);
/// What could not be looked up again is looked up again after this time.
const AGAIN: Duration = Duration::from_secs(60);
/// Where an access key is exchanged for a token, behind the address that the issuer names.
const ACCESS_KEY_PATH: &str = "/authentication/v1/token/access-key";

/// An address.
pub(super) enum Place {
    Known(String),
    /// The API that the issuer names.
    Api(Arc<Discovery>),
    /// The token endpoint that the issuer names.
    Token(Arc<Discovery>),
}

impl Place {
    /// The address now.
    pub(super) async fn get(&self) -> Result<String, Pushed> {
        match self {
            Self::Known(address) => Ok(address.clone()),
            Self::Api(discovery) => Ok(discovery.found().await?.api.clone()),
            Self::Token(discovery) => Ok(discovery.found().await?.token.clone()),
        }
    }
}

/// An issuer, and what it has said.
pub(super) struct Discovery {
    tenant: TenantName,
    client: Client,
    issuer: String,
    /// CXone's own id of the tenant.
    tenant_id: String,
    by_access_key: bool,
    timeout: Duration,
    /// Whoever holds the lock looks it up; others wait for what that comes to.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    found: Option<(Arc<Found>, Instant)>,
    failed_at: Option<(Instant, &'static str)>,
}

#[derive(Debug)]
struct Found {
    api: String,
    token: String,
}

/// `/.well-known/openid-configuration`
#[derive(Deserialize)]
struct OpenId {
    token_endpoint: String,
}

/// `/.well-known/cxone-configuration`
#[derive(Deserialize)]
struct Cxone {
    api_endpoint: String,
    auth_endpoint: String,
}

impl Discovery {
    pub(super) fn new(
        tenant: &TenantName,
        (issuer, tenant_id): (&str, &str),
        by_access_key: bool,
        timeout: Duration,
        client: &Client,
    ) -> Self {
        Self {
            tenant: tenant.clone(),
            client: client.clone(),
            issuer: issuer.trim_end_matches('/').to_owned(),
            tenant_id: tenant_id.to_owned(),
            by_access_key,
            timeout,
            kept: Mutex::default(),
        }
    }

    async fn found(&self) -> Result<Arc<Found>, Pushed> {
        let asked_at = Instant::now();
        let mut kept = self.kept.lock().await;
        let now = Instant::now();
        if let Some((found, _)) = kept.found.as_ref().filter(|(_, until)| now < *until) {
            return Ok(found.clone());
        }
        if let Some((_, why)) = kept.failed_at.filter(|(at, _)| *at >= asked_at) {
            return Err(put_off(why));
        }
        match self.look_up().await {
            Ok(found) => {
                let found = Arc::new(found);
                *kept = Kept { found: Some((found.clone(), Instant::now() + HOLDS)), failed_at: None };
                Ok(found)
            }
            Err(why) => {
                kept.failed_at = Some((Instant::now(), why));
                let tenant = &self.tenant;
                if let Some((found, until)) = &mut kept.found {
                    tracing::warn!(%tenant, why, "the issuer can't be asked again; what it said before holds");
                    *until = now + AGAIN;
                    return Ok(found.clone());
                }
                tracing::error!(%tenant, why, "it is not known where decisions go back to");
                Err(put_off(why))
            }
        }
    }

    async fn look_up(&self) -> Result<Found, &'static str> {
        let (issuer, tenant_id) = (&self.issuer, encode(&self.tenant_id));
        let cxone = format!("{issuer}/.well-known/cxone-configuration?tenantId={tenant_id}");
        let cxone: Cxone = self.document(&cxone).await?;
        let token = if self.by_access_key {
            format!("{}{ACCESS_KEY_PATH}", cxone.auth_endpoint.trim_end_matches('/'))
        } else {
            let open_id = format!("{issuer}/.well-known/openid-configuration");
            self.document::<OpenId>(&open_id).await?.token_endpoint
        };
        let found = Found { api: cxone.api_endpoint.trim_end_matches('/').to_owned(), token };
        match is_safe(&found.api) && is_safe(&found.token) {
            true => Ok(found),
            false => Err("the issuer names an address that is no https; set api_url and token_url"),
        }
    }

    async fn document<T: for<'de> Deserialize<'de>>(&self, address: &str) -> Result<T, &'static str> {
        let request = self.client.get(address).header("Accept", "application/json");
        let answer = Answer::to(request, self.timeout).await;
        let answer =
            answer.map_err(|_| "the issuer does not answer; check issuer, or set api_url and token_url")?;
        let is_good = (200..300).contains(&answer.status);
        let read = serde_json::from_slice(&answer.body).ok().filter(|_| is_good);
        read.ok_or(
            "the issuer has no such document; check issuer and tenant_id, or set api_url and token_url",
        )
    }
}

fn put_off(why: &'static str) -> Pushed {
    Pushed::Later { why, left: false, pause: Some(Pause::Growing) }
}
