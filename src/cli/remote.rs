//! A gateway that runs, as a command calls it: where it is, and the key it is called with.

use super::shell::Failed;
use clap::Args;
use reqwest::StatusCode;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Which gateway, and the key.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// Where the gateway is.
    #[arg(long, default_value = "http://127.0.0.1:8080", global = true)]
    pub(super) url: String,
    /// The environment variable that holds an API key with the role that the command needs.
    #[arg(long, value_name = "NAME", default_value = "XCEED_GATEWAY_KEY", global = true)]
    key_env: String,
    /// A file that holds the API key, instead of the environment.
    #[arg(long, value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
}

impl Remote {
    /// The gateway, ready to be called.
    pub(super) fn gateway(&self) -> Result<Gateway, Failed> {
        crate::app::install_tls();
        let client = reqwest::Client::builder().build().map_err(Failed::because)?;
        Ok(Gateway { url: self.url.trim_end_matches('/').to_owned(), key: self.key()?, client })
    }

    fn key(&self) -> Result<String, Failed> {
        let key = match &self.key_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Failed::because(format!("{}: {error}", file.display())))?,
            None => std::env::var(&self.key_env).map_err(|_| {
                let name = &self.key_env;
                Failed::because(format!("{name} is not set: put an API key there, or name a --key-file"))
            })?,
        };
        Ok(key.trim().to_owned())
    }
}

/// A gateway that runs, as whoever watches it asks, without a key.
pub(super) struct Watched {
    url: String,
    client: reqwest::Client,
}

/// Whoever watches has little patience.
const WATCHING: Duration = Duration::from_secs(5);

impl Watched {
    pub(super) fn at(url: &str) -> Result<Self, Failed> {
        crate::app::install_tls();
        let client = reqwest::Client::builder().timeout(WATCHING).build().map_err(Failed::because)?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), client })
    }

    /// Whether the answer is 200, and its JSON.
    pub(super) async fn ask(&self, target: &str) -> Result<(bool, Value), Failed> {
        let silent = || Failed::because("the gateway can't be reached; is it running, and --url right?");
        let response = self.client.get(format!("{}{target}", self.url)).send().await.map_err(|_| silent())?;
        let status = response.status();
        let body = response.bytes().await.map_err(|_| silent())?;
        let body = serde_json::from_slice(&body).map_err(|_| {
            Failed::because(format!("what answers at --url is no gateway (status {})", status.as_u16()))
        })?;
        Ok((status.is_success(), body))
    }
}

/// A gateway that runs.
pub(super) struct Gateway {
    pub(super) url: String,
    key: String,
    client: reqwest::Client,
}

/// What a call came to.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// After how long it may be called again, where it said so.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Value,
}

impl Answer {
    /// Why it was refused, in the gateway's words.
    pub(super) fn why(&self) -> String {
        let detail = self.body["detail"].as_str().unwrap_or("it did not say why");
        format!("{}: {detail}", self.status.as_u16())
    }
}

impl Gateway {
    /// The answer's JSON; a problem fails with its own words.
    pub(super) async fn call(&self, method: &str, target: &str) -> Result<Value, Failed> {
        let answer = self.try_call(method, target, None).await?.ok_or_else(|| {
            Failed::because(format!(
                "the gateway can't be reached; is it running, and --url right? ({method} {target})"
            ))
        })?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(Failed::because(answer.why())) }
    }

    /// Calls it, with lines of JSON where they are given; `None` where no whole answer came.
    pub(super) async fn try_call(
        &self,
        method: &str,
        target: &str,
        lines: Option<(&[u8], Duration)>,
    ) -> Result<Option<Answer>, Failed> {
        let method = method.parse().map_err(Failed::because)?;
        let mut call = self.client.request(method, format!("{}{target}", self.url)).bearer_auth(&self.key);
        if let Some((lines, time)) = lines {
            call = call.header("Content-Type", "application/x-ndjson").timeout(time).body(lines.to_vec());
        }
        // reqwest's own words would repeat the address, which may hold anything.
        let response = match call.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => {
                return Err(Failed::because("--url is no address that can be called"));
            }
            Err(_) => return Ok(None),
        };
        let status = response.status();
        let retry_after = response.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let Ok(body) = response.bytes().await else { return Ok(None) };
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Some(Answer { status, retry_after, body }))
    }
}
