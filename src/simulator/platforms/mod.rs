//! The platforms that decisions go back to, played as far as the gateway needs them: CXone and Genesys with their token
//! endpoints, and whoever listens for webhooks.
//!
//! `tokens` hands out access tokens and counts who asks; `api` takes what is brought, `webhooks` verifies what is signed;
//! `landed` remembers, bounded; `told` is how it is made to misbehave, `control` the doors for that. Not a model of what
//! the platforms do with an attribute: it is kept, and shown.

mod api;
mod control;
mod landed;
mod tokens;
mod told;
mod webhooks;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use landed::{Landed, Landing};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokens::Tokens;
use told::{Answer, Told};

/// The longest that an answer is held back.
const DELAY_MAX: Duration = Duration::from_mins(1);

/// What the platforms know.
pub(super) struct Platforms {
    known: Mutex<Known>,
    tokens: Tokens,
}

#[derive(Default)]
struct Known {
    told: Told,
    landed: Landed,
    /// What webhooks are signed with, by name.
    secrets: BTreeMap<String, Vec<String>>,
}

impl Platforms {
    pub(super) fn new(webhooks: &[(String, Vec<String>)]) -> Self {
        let secrets = webhooks.iter().cloned().collect();
        Self { known: Mutex::new(Known { secrets, ..Known::default() }), tokens: Tokens::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an interaction's id asks for by itself: `SIM-503` is answered so.
    fn asked_by(id: &str) -> Option<u16> {
        let word = id.strip_prefix("SIM-")?;
        word.split('~').next()?.parse().ok().filter(|status| (200..600).contains(status))
    }

    /// Remembers what came, and answers it as told; with this where nothing is told.
    async fn answer(&self, answer: Answer, mut landing: Landing, usual: HttpResponse) -> HttpResponse {
        let told = answer.status.filter(|status| *status >= 300);
        let response = match told.and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => {
                let mut response = HttpResponse::build(status);
                if let Some(wait) = &answer.retry_after {
                    response.insert_header(("Retry-After", wait.as_str()));
                }
                response.json(serde_json::json!({ "message": "told to answer so" }))
            }
            None => usual,
        };
        landing.status = response.status().as_u16();
        self.known().landed.note(landing);
        let delay = Duration::from_millis(answer.delay_ms).min(DELAY_MAX);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        response
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    tokens::routes(config);
    api::routes(config);
    webhooks::routes(config);
    control::routes(config);
}
