//! The composition root: settings in, a running gateway out. The only place that wires.

mod background;
mod draining;
mod live;
mod reloading;
mod resuming;
mod sets;
pub mod sources;

pub use reloading::{Refused, Reloader};
pub use sets::Sets;

use crate::application::admission::Places;
use crate::application::gateway::{Desk, Gateway, Ground};
use crate::application::ports::{Clock, Store};
use crate::application::queue::queue;
use crate::application::{batching, push, relay, retention};
use crate::config::Config;
use crate::http::Serving;
use crate::platforms::Carrier;
use crate::store::{self, Opened, Opener};
use crate::xceed::soap_client::SoapClient;
use crate::{console, http, telemetry};
use actix_web::dev::Server;
use background::Background;
use jiff::Timestamp;
use live::Live;
pub(crate) use resuming::resume;
use resuming::{follow, hold_all};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

/// A gateway that runs.
pub struct App {
    /// Where callers reach it.
    pub address: SocketAddr,
    /// Where whoever watches it does, where that is elsewhere.
    pub admin: Option<SocketAddr>,
    server: Server,
    gateway: Arc<Gateway>,
    relay: Background,
    batching: Background,
    pushes: Background,
    retention: Background,
    reloader: Reloader,
    // Last: whoever records has ended by then, and what is queued is written when this drops.
    store: Arc<dyn Store>,
}

impl App {
    /// Starts a gateway. It serves once [`Self::run`] is awaited.
    ///
    /// # Errors
    /// Everything that keeps it from starting.
    pub fn start(config: Config) -> Result<Self, Vec<String>> {
        install_tls();
        let sets = Sets::compile(&config.documents)?;
        config.traces.as_ref().map(telemetry::traces::begin).transpose().map_err(|error| vec![error])?;
        let one = |error: &dyn std::fmt::Display| vec![error.to_string()];
        let (clock, kept) = (SystemClock, config.store.retention);
        let attempts = config.tenants.iter().map(|tenant| tenant.link.attempt_timeout);
        let opener = Opener { attempt: attempts.max().unwrap_or_default(), now: clock.now() };
        let opened = store::open(&config.store, &config.audit, &opener).map_err(|error| one(&error))?;
        let Opened { store, mut resumption, doubt } = opened;
        let live = Live::new(&config, &sets, &resumption.promoted_keys, None)?;
        let reloader = Reloader::new(&config, sets, live.clone());
        if doubt.is_some() {
            let tenants = config.tenants.iter().map(|tenant| &tenant.tenant.name);
            resumption.holds = hold_all(&*store, tenants, clock.now());
        }
        let (queue, due) = queue();
        let ground = Ground {
            store: store.clone(),
            clock: Arc::new(clock),
            places: Places::new(config.server.in_flight, config.server.workers),
            wording: http::answer::words,
            random,
            mint,
        };
        let tenants = config.tenants.into_iter().map(|tenant| tenant.tenant).collect();
        let gateway = Arc::new(Gateway::new(tenants, ground, queue));
        resume(&gateway, resumption);
        follow(&gateway);
        let desk = {
            let (gateway, links) = (gateway.clone(), live.links);
            move || Desk {
                gateway: gateway.clone(),
                xceed: Rc::new(SoapClient::new(links.clone()).expect("a client could be made at the start")),
            }
        };
        let serving = http::serve(&config.server, (&live.doors, &live.tls), desk.clone(), console::pages());
        let Serving { server, address, admin } = serving.map_err(|error| vec![error])?;
        let relay = Background::begin("relay", {
            let desk = desk.clone();
            move || relay::run(desk(), due)
        });
        let relay = relay.map_err(|error| one(&error))?;
        let batching =
            Background::begin("batches", move || batching::run(desk())).map_err(|error| one(&error))?;
        let pushes = Background::begin("pushes", {
            let (gateway, platforms) = (gateway.clone(), live.platforms);
            move || push::run(gateway, Rc::new(Carrier(platforms)))
        });
        let pushes = pushes.map_err(|error| one(&error))?;
        let retention = Background::begin("retention", {
            let (store, clock) = (store.clone(), gateway.clock.clone());
            move || retention::run(store, clock, kept)
        });
        let retention = retention.map_err(|error| one(&error))?;
        let reloader = reloader.of(&gateway);
        Ok(Self { address, admin, server, gateway, relay, batching, pushes, retention, reloader, store })
    }

    /// What swaps its settings while it runs.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Serves until it is asked to end; then answers what is under way, refuses what is new, and ends: the server, the
    /// relay, the writer.
    ///
    /// # Errors
    /// The server breaks down.
    pub async fn run(self, asked: impl Future<Output = ()>) -> std::io::Result<()> {
        let Self { server, gateway, relay, batching, pushes, retention, store, .. } = self;
        let handle = server.handle();
        let end = async {
            asked.await;
            draining::drain(&gateway).await;
            handle.stop(true).await;
        };
        let mut server = pin!(server);
        let ended = tokio::select! {
            ended = &mut server => ended,
            () = end => server.await,
        };
        relay.end();
        batching.end();
        pushes.end();
        retention.end();
        drop(gateway);
        draining::close(store).await;
        ended
    }
}

/// One TLS provider for everything.
pub fn install_tls() {
    // A second gateway in the same process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The clock on the wall.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        telemetry::now()
    }
}

/// 26 characters of base32: 130 bits, of which 128 are random.
fn mint() -> Arc<str> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    let bits = u128::from_be_bytes(bytes);
    (0..26).map(|place| char::from(ALPHABET[(bits >> (5 * place)) as usize % 32])).collect::<String>().into()
}

fn random() -> f64 {
    // 53 bits make every float from 0 to 1 that has as many; without a source of randomness there is no jitter.
    getrandom::u64().map_or(1.0, |bits| (bits >> 11) as f64 / (1u64 << 53) as f64)
}
