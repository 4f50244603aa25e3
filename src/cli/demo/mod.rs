//! `xceed-gateway demo`: what a newcomer sees first. A simulated Xceed and a gateway on loopback, and sample events
//! with their decisions.

mod samples;
mod screen;

use super::closed::close_to_others;
use super::shell::{Failed, Output};
use super::signals::Signals;
use super::simulate;
use crate::app::{App, Sets};
use crate::config::{Config, Documents};
use crate::http::auth::hash_of;
use crate::simulator;
use crate::telemetry::{self, Format};
use clap::Args;
use samples::{DATA_ACTION, INTERACTION, SAMPLES};
use screen::Screen;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::sleep;

/// The demo's API key. It opens nothing but the demo, which listens on loopback alone.
const KEY: &str = "demo";
/// Where the two are, unless something else is there already.
const GATEWAY_PORT: u16 = 8080;
const SIMULATOR_PORT: u16 = 9090;
/// How often it is looked whether a decision has landed in its interaction, and how many times.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: u32 = 200;

/// Shows the main job on this machine: sample events, each with its decision and why. Then keeps running, to be tried.
///
/// Example:  xceed-gateway demo --once
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Ends after the sample events.
    #[arg(long)]
    once: bool,
    /// How to print the decisions.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failed> {
        close_to_others();
        telemetry::start(Format::Text, "error,actix_http=off");
        let signals = Signals::take()?;
        let folder = Folder::new()?;
        actix_web::rt::System::new().block_on(self.show(&folder.0, signals))
    }

    async fn show(self, folder: &Path, signals: Signals) -> Result<(), Failed> {
        let documents = Documents::shipped();
        let sets = Sets::compile(&documents).map_err(Failed)?;
        let xceed = free_address(SIMULATOR_PORT);
        let text = configuration(free_address(GATEWAY_PORT), xceed, folder);
        let config = Config::with_documents(&text, documents).map_err(Failed)?;
        let simulator = simulator::start(simulate::settings(xceed, &config, &sets)).await;
        let simulator = simulator.map_err(Failed::because)?;
        let app = App::start(config).map_err(Failed)?;
        let gateway = app.address;
        let (end, ended) = oneshot::channel();
        let asked = signals.serving();
        let serving = actix_web::rt::spawn(app.run(async {
            tokio::select! {
                () = asked => {}
                // The other end stays open while the demo goes on.
                _ = ended => {}
            }
        }));

        let screen = Screen::new(self.output);
        screen.opening()?;
        for sample in &SAMPLES {
            screen.decision(sample, &call(gateway, "/v1/events", sample.event).await?)?;
        }
        let told = call(gateway, "/v1/cxone/data-action", DATA_ACTION).await?;
        let landed = landed(simulator.address()).await?;
        screen.data_action(&told, INTERACTION, &landed)?;
        if self.once {
            let _ = end.send(());
        } else {
            screen.next(gateway, simulator.address(), KEY)?;
        }
        let served = serving.await.map_err(Failed::because)?;
        simulator.stop().await;
        served.map_err(Failed::because)
    }
}

/// The answer to one call; in the demo every event is one that is answered.
async fn call(gateway: SocketAddr, door: &str, event: &'static str) -> Result<String, Failed> {
    let call = client()?.post(format!("http://{gateway}{door}"));
    let call = call.bearer_auth(KEY).header("Content-Type", "application/json").body(event);
    read(call).await
}

/// What the decision has put into the interaction, once it is there.
async fn landed(simulator: SocketAddr) -> Result<String, Failed> {
    let client = client()?;
    let mut tries = 0;
    loop {
        let looked = read(client.get(format!("http://{simulator}/_sim/interactions/{INTERACTION}"))).await;
        if looked.is_ok() || tries == LOOKS {
            return looked;
        }
        tries += 1;
        sleep(LOOK).await;
    }
}

fn client() -> Result<reqwest::Client, Failed> {
    reqwest::Client::builder().no_proxy().build().map_err(Failed::because)
}

async fn read(call: reqwest::RequestBuilder) -> Result<String, Failed> {
    let response = call.send().await.map_err(Failed::because)?;
    let status = response.status();
    let answer = response.text().await.map_err(Failed::because)?;
    if status.is_success() { Ok(answer) } else { Err(Failed::because(format!("{status}: {answer}"))) }
}

fn configuration(gateway: SocketAddr, xceed: SocketAddr, folder: &Path) -> String {
    let store = toml::Value::String(format!("sqlite:{}", folder.join("gateway.db").display()));
    let secret = toml::Value::String(folder.join("secret").display().to_string());
    let hash = hash_of(KEY);
    format!(
        r#"
        [server]
        bind = "{gateway}"
        workers = 2
        [store]
        url = {store}
        [console]
        operators = [{{ name = "demo", hash = "{hash}", role = "operator" }}]
        [tenants.demo-bank]
        api_keys = [{{ name = "demo", hash = "{hash}", roles = ["caller"] }}]
        [tenants.demo-bank.xceed]
        url = "http://{xceed}/xceed"
        platform_id = "3"
        service_id = "210021"
        secret_key = {{ file = {secret} }}
        schema = "1.0"
        callback_id = "demo"
        [tenants.demo-bank.cxone]
        api_url = "http://{xceed}"
        token_url = "http://{xceed}/api/v2/oauth/token"
        client_id = "demo"
        client_secret = {{ file = {secret} }}
        "#
    )
}

/// The usual port on loopback, or any other where that is taken.
fn free_address(port: u16) -> SocketAddr {
    let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr());
    at(port).or_else(|_| at(0)).unwrap_or_else(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// A file that nobody else may read.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

/// A folder for this run, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failed> {
        let folder = std::env::temp_dir().join(format!("xceed-gateway-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(Failed::because)?;
        let folder = Self(folder);
        // Known to the simulator alone, so any will do; a real one is issued by the vendor.
        write_private(&folder.0.join("secret"), "311a5439c8bda8ef").map_err(Failed::because)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
