//! The composition root: settings in, a running gateway out. The only place that wires.

mod background;
mod draining;

use crate::application::ending::Ending;
use crate::application::gateway::{Desk, Gateway};
use crate::application::holds::Holds;
use crate::application::lines::Lines;
use crate::application::ports::{Clock, Hold, News, Recent, Resumption, Store, Waiting};
use crate::application::queue::queue;
use crate::application::tickets::Tickets;
use crate::application::{relay, retention};
use crate::config::{Config, Documents, TenantSettings};
use crate::domain::hold::{Queue as HeldQueue, STORE_OLDER};
use crate::domain::identifiers::TenantName;
use crate::domain::order::Turn;
use crate::domain::velocity::Velocity;
use crate::http::CallbackDoor;
use crate::store::{self, Opened, Opener};
use crate::xceed::callback::Callbacks;
use crate::xceed::link::{Link, Settings as LinkSettings, Version, collisions};
use crate::xceed::mapping::Mapping;
use crate::xceed::operations::ApiSet;
use crate::xceed::schema::SchemaSet;
use crate::xceed::soap_client::{Links, SoapClient};
use crate::{http, telemetry};
use actix_web::dev::Server;
use background::Background;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The schema sets and the API set, compiled.
#[derive(Clone, Debug)]
pub struct Sets {
    /// Schema sets by version.
    pub versions: BTreeMap<String, Arc<Version>>,
    /// The messages.
    pub api: Arc<ApiSet>,
}

impl Sets {
    /// Compiles the sets.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn compile(documents: &Documents) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let mut versions = BTreeMap::new();
        for (version, texts) in &documents.versions {
            match compile_version(version, &texts.mapping, texts.schemas.clone()) {
                Ok(compiled) => {
                    versions.insert(version.clone(), Arc::new(compiled));
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        let api = ApiSet::compile(&documents.operations);
        match api {
            Ok(api) if errors.is_empty() => Ok(Self { versions, api: Arc::new(api) }),
            Ok(_) => Err(errors),
            Err(wrong) => {
                errors.extend(wrong.into_iter().map(|error| format!("api/operations.toml: {error}")));
                Err(errors)
            }
        }
    }

    /// The link of every tenant.
    ///
    /// # Errors
    /// A tenant names a schema set that is not there, or two tenants' messages could be taken for each other's.
    pub fn links(
        &self,
        tenants: &[(TenantName, LinkSettings)],
        promoted_keys: &[(TenantName, String)],
    ) -> Result<Links, Vec<String>> {
        let settings: Vec<_> = tenants.iter().map(|(name, link)| (name, link)).collect();
        let mut errors = collisions(&settings);
        let mut links = Links::new();
        for (name, link) in tenants {
            let Some(version) = self.versions.get(&link.schema) else {
                let there: Vec<_> = self.versions.keys().map(String::as_str).collect();
                errors.push(format!(
                    "tenants.{name}.xceed.schema: there is no such set; there are {}",
                    there.join(", ")
                ));
                continue;
            };
            let promoted =
                promoted_keys.iter().find(|(tenant, _)| tenant == name).map(|(_, key)| key.as_str());
            let link = Link::new(link.clone(), version.clone(), self.api.clone(), promoted);
            links.insert(name.clone(), Arc::new(link));
        }
        if errors.is_empty() { Ok(links) } else { Err(errors) }
    }
}

fn compile_version(
    version: &str,
    mapping: &str,
    schemas: BTreeMap<String, Vec<u8>>,
) -> Result<Version, Vec<String>> {
    let set = SchemaSet::load(version, schemas)?;
    let mapping = Mapping::compile(mapping, &set).map_err(|errors| {
        errors.into_iter().map(|error| format!("{version}/mapping.toml: {error}")).collect::<Vec<_>>()
    })?;
    Ok(Version { set, mapping })
}

/// A gateway that runs.
pub struct App {
    /// Where callers reach it.
    pub address: SocketAddr,
    server: Server,
    gateway: Arc<Gateway>,
    relay: Background,
    retention: Background,
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
        let one = |error: &dyn std::fmt::Display| vec![error.to_string()];
        let (clock, kept) = (SystemClock, config.store.retention);
        let attempts = config.tenants.iter().map(|tenant| tenant.link.attempt_timeout);
        let opener = Opener { attempt: attempts.max().unwrap_or_default(), now: clock.now() };
        let opened = store::open(&config.store, &config.audit, &opener).map_err(|error| one(&error))?;
        let Opened { store, mut resumption, doubt } = opened;
        let names = config.tenants.iter().map(|tenant| (tenant.tenant.name.clone(), tenant.link.clone()));
        let links = Arc::new(sets.links(&names.collect::<Vec<_>>(), &resumption.promoted_keys)?);
        // Each worker makes a client of its own; that it can is found out now.
        SoapClient::new(&links).map_err(|error| one(&error))?;
        let door = CallbackDoor {
            callbacks: Arc::new(callbacks(&sets, &config.tenants, &links)),
            wsdl: config.documents.callback_wsdl.clone(),
        };
        if doubt.is_some() {
            let tenants = config.tenants.iter().map(|tenant| &tenant.tenant.name);
            resumption.holds = hold_all(&*store, tenants, clock.now());
        }
        let (queue, due) = queue();
        let gateway = Arc::new(Gateway {
            tenants: config.tenants.into_iter().map(|tenant| tenant.tenant).collect(),
            store: store.clone(),
            tickets: Arc::new(Tickets::default()),
            clock: Arc::new(clock),
            wording: http::answer::words,
            velocity: Mutex::default(),
            checks: Mutex::default(),
            requests: Mutex::default(),
            pushes: Notify::new(),
            relay: queue,
            lines: Lines::default(),
            holds: Holds::default(),
            budget: Mutex::default(),
            ending: Ending::default(),
            random,
            mint,
        });
        resume(&gateway, resumption);
        follow(&gateway);
        let desk = {
            let gateway = gateway.clone();
            move || Desk {
                gateway: gateway.clone(),
                xceed: Rc::new(SoapClient::new(&links).expect("a client could be made at the start")),
            }
        };
        let (server, address) = http::serve(&config.server, &door, desk.clone())
            .map_err(|error| vec![format!("{}: can't be listened at ({error})", config.server.bind)])?;
        let relay =
            Background::begin("relay", move || relay::run(desk(), due)).map_err(|error| one(&error))?;
        let retention = Background::begin("retention", {
            let (store, clock) = (store.clone(), gateway.clock.clone());
            move || retention::run(store, clock, kept)
        });
        let retention = retention.map_err(|error| one(&error))?;
        Ok(Self { address, server, gateway, relay, retention, store })
    }

    /// Serves until it is asked to end; then answers what is under way, refuses what is new, and ends: the server, the
    /// relay, the writer.
    ///
    /// # Errors
    /// The server breaks down.
    pub async fn run(self, asked: impl Future<Output = ()>) -> std::io::Result<()> {
        let Self { server, gateway, relay, retention, store, .. } = self;
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
        retention.end();
        drop(gateway);
        draining::close(store).await;
        ended
    }
}

/// What a store from a backup says is still to be sent may have been sent long ago: nothing leaves until an operator
/// has decided.
fn hold_all<'t>(
    store: &dyn Store,
    tenants: impl Iterator<Item = &'t TenantName>,
    since: Timestamp,
) -> Vec<Hold> {
    let hold = |tenant: &TenantName| Hold {
        tenant: tenant.clone(),
        queue: HeldQueue::All,
        code: STORE_OLDER.to_owned(),
        since,
    };
    let holds: Vec<_> = tenants.map(hold).collect();
    for hold in &holds {
        // Held all the same where that can't be recorded: the next start finds out again.
        drop(store.hold(hold.clone()));
    }
    holds
}

/// Deliveries that a crash or an outage left, and what velocity needs to know of the last hour.
fn resume(gateway: &Gateway, resumption: Resumption) {
    let Resumption { waiting, recent, holds, .. } = resumption;
    if !waiting.is_empty() {
        tracing::info!(deliveries = waiting.len(), "resumed");
    }
    for Hold { tenant, queue, code, .. } in &holds {
        tracing::warn!(%tenant, %queue, code, "the queue is held since before");
    }
    gateway.holds.restore(holds, gateway.clock.now());
    // Whoever is not the first of its line is brought by the one before it.
    for Waiting { seq, due, line, by_callback, .. } in waiting {
        if gateway.lines.rejoin(line, seq) == Turn::Now || by_callback {
            gateway.relay.enqueue(seq, due);
        }
    }
    let mut velocity: std::sync::MutexGuard<'_, Velocity> =
        gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
    let mut checks = gateway.checks();
    for Recent { tenant, customer, at, check } in recent {
        velocity.count(&tenant, &customer, at);
        if let Some(kind) = check {
            checks.count(&tenant, (&customer, &kind), at);
        }
    }
}

/// What other gateways do with a shared store.
fn follow(gateway: &Gateway) {
    let (tickets, relay, clock) = (gateway.tickets.clone(), gateway.relay.clone(), gateway.clock.clone());
    gateway.store.follow(Box::new(move |news| match news {
        News::Decided(tenant, id) => tickets.announce(&tenant, &id),
        News::Hurry(seq) => relay.hurry(seq, clock.now()),
    }));
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

/// The tenants that can be called back.
fn callbacks(sets: &Sets, tenants: &[TenantSettings], links: &Links) -> Callbacks {
    let called_back = tenants.iter().filter_map(|settings| {
        let callback = settings.tenant.callback.as_ref()?;
        let name = &settings.tenant.name;
        Some((name.clone(), callback.id.clone(), links.get(name)?.clone()))
    });
    Callbacks::new(sets.api.clone(), called_back.collect())
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
