//! What the tests are told with: a gateway, an Xceed, and the verbs for them. Whatever is started here is ended when
//! its value is dropped, and nothing else is ever ended.

mod auditor;
mod authority;
mod batches;
mod callback;
mod caller;
mod canned;
mod cases;
mod clock;
mod config;
mod events;
mod filling;
mod flat;
mod folder;
pub(crate) mod forged;
mod gateway;
mod golden;
mod http;
mod listener;
mod loopback;
mod platform;
mod postgres;
mod process;
mod simulator;
mod soap;
mod way;

pub(crate) use auditor::{Ended, audit, audit_of, body, exported, verified};
pub(crate) use authority::{Authority, Clients, Pair, Time, behind_tls};
pub(crate) use batches::{ids, lines};
pub(crate) use callback::{Callback, callback_request};
pub(crate) use caller::Caller;
pub(crate) use canned::{Canned, Do, Heard, answer, results};
pub(crate) use cases::{Case, cases};
pub(crate) use clock::{Stopwatch, until};
pub(crate) use config::{Config, Tenant, write_private};
pub(crate) use events::{customer_event, event, wire};
pub(crate) use filling::Copies;
pub(crate) use flat::flat;
pub(crate) use folder::{Folder, repository};
pub(crate) use gateway::Gateway;
pub(crate) use golden::{Goldens, laid_out};
pub(crate) use http::{Connection, Request, Response};
pub(crate) use listener::{Listener, News};
pub(crate) use loopback::{own_address, send_from};
pub(crate) use platform::{
    CLIENT_SECRET, HOOK_SECRET, KEY_SECRET, OLD_HOOK_SECRET, Secrets, with_cxone, with_genesys, with_webhook,
};
pub(crate) use postgres::{Database, Server, run_again_on_postgres};
pub(crate) use simulator::Simulator;
pub(crate) use soap::{Node, read_xml};
pub(crate) use way::Way;
