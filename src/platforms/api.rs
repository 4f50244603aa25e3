//! A call of a platform's API: with a token, once more with a new one where that is refused, and within a time.

use super::answer::Answer;
use super::discovery::Place;
use super::settings::GrantSettings;
use super::token::Tokens;
use crate::domain::bringing_back::Pushed;
use crate::domain::identifiers::TenantName;
use reqwest::{Client, Method, RequestBuilder};
use std::time::Duration;

pub(super) struct Api {
    client: Client,
    base: Place,
    tokens: Tokens,
    timeout: Duration,
}

impl Api {
    pub(super) fn new(
        (tenant, platform): (&TenantName, &'static str),
        (base, token, timeout): (Place, Place, Duration),
        grant: &GrantSettings,
        client: &Client,
    ) -> Self {
        Self {
            client: client.clone(),
            base,
            tokens: Tokens::new((tenant.clone(), platform), (token, grant.clone()), timeout, client.clone()),
            timeout,
        }
    }

    /// One call; what is not answered is told as the end of the attempt.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Answer, Pushed> {
        let base = self.base.get().await?;
        let address = format!("{}{path}", base.trim_end_matches('/'));
        let draft = || self.draft(&method, &address, body.as_ref());
        let token = self.tokens.get().await?;
        let answer = Answer::to(draft().bearer_auth(token.expose()), self.timeout).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = self.tokens.renew(&token).await?;
        Answer::to(draft().bearer_auth(token.expose()), self.timeout).await
    }

    fn draft(&self, method: &Method, address: &str, body: Option<&String>) -> RequestBuilder {
        let request = self.client.request(method.clone(), address);
        let request = request.header("Accept", "application/json");
        match body {
            Some(body) => request.header("Content-Type", "application/json").body(body.clone()),
            None if *method == Method::GET => request,
            // Some servers want to be told that there is none.
            None => request.header("Content-Length", "0"),
        }
    }
}
