//! A gateway as its users run it: the release binary in a process of its own, with a configuration and a store in a
//! folder of its own, and callers to load it. All on the loopback interface.

pub(crate) mod callers;
pub(crate) mod http;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xceed_gateway::http::auth::hash_of;

pub(crate) const KEY: &str = "bench";
/// A process that starts answers within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the gateway is set up.
pub(crate) struct Setup {
    pub(crate) deadline: Duration,
    /// Where it records; `None` for SQLite in its folder.
    pub(crate) store: Option<String>,
    pub(crate) resend_in_doubt: bool,
    /// The core that it has, where it has one to itself.
    pub(crate) core: Option<usize>,
    /// Further tenants, in TOML.
    pub(crate) more: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            store: None,
            resend_in_doubt: true,
            core: None,
            more: String::new(),
        }
    }
}

/// A folder with a configuration, on the disk that the build is on; removed at the end.
pub(crate) struct Home {
    folder: PathBuf,
    core: Option<usize>,
    pub(crate) gateway: SocketAddr,
    pub(crate) upstream: SocketAddr,
}

impl Home {
    pub(crate) fn new(setup: &Setup) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (gateway, upstream) = (free_address(), free_address());
        let home = Self { folder, core: setup.core, gateway, upstream };
        std::fs::write(home.config(), home.settings(setup)).expect("a file");
        home
    }

    fn config(&self) -> PathBuf {
        self.folder.join("gateway.toml")
    }

    /// The file of SQLite in its folder.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("gateway.db")
    }

    fn settings(&self, setup: &Setup) -> String {
        let xsd = Path::new(env!("CARGO_MANIFEST_DIR")).join("xsd");
        let own_store = || format!("sqlite:{}", self.store().display());
        format!(
            r#"
[server]
bind = "{gateway}"
[store]
url = "{store}"
[audit]
checkpoints = "{folder}/audit.checkpoints"
signing_key = {{ file = "{folder}/audit.key" }}
[schemas]
dir = "{xsd}"
[tenants.bench]
api_keys = [{{ name = "bench", hash = "{hash}", roles = ["caller"] }}]
[tenants.bench.xceed]
url = "http://{upstream}/xceed"
platform_id = "3"
service_id = "210021"
secret_key = {{ env = "BENCH_SECRET_KEY" }}
schema = "1.0"
resend_in_doubt = {resend_in_doubt}
[tenants.bench.limits]
requests_per_second = 1000000
[tenants.bench.policy]
deadline_ms = {deadline}
{more}
"#,
            gateway = self.gateway,
            folder = self.folder.display(),
            store = setup.store.clone().unwrap_or_else(own_store),
            xsd = xsd.display(),
            hash = hash_of(KEY),
            upstream = self.upstream,
            resend_in_doubt = setup.resend_in_doubt,
            deadline = setup.deadline.as_millis(),
            more = setup.more.replace("UPSTREAM", &self.upstream.to_string()),
        )
    }

    /// Starts a command of the gateway's and waits until it answers at its address.
    pub(crate) fn start(&self, command: &str, arguments: &[&str], address: SocketAddr) -> Process {
        let log = File::create(self.folder.join(format!("{command}.log"))).expect("a file");
        let mut program = match self.core {
            Some(core) => on_core(core),
            None => Command::new(env!("CARGO_BIN_EXE_xceed-gateway")),
        };
        let child = program
            .args([command, "--config"])
            .arg(self.config())
            .args(arguments)
            .env("BENCH_SECRET_KEY", "311a5439c8bda8ef")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let process = Process(child);
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(address).is_err() {
            let log =
                || std::fs::read_to_string(self.folder.join(format!("{command}.log"))).unwrap_or_default();
            assert!(Instant::now() < until, "{command} does not listen at {address}:\n{}", log());
            std::thread::sleep(Duration::from_millis(2));
        }
        process
    }
}

fn on_core(core: usize) -> Command {
    let mut program = Command::new("taskset");
    program.args(["-c", &core.to_string(), env!("CARGO_BIN_EXE_xceed-gateway")]);
    program
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A process that ends with this value.
pub(crate) struct Process(Child);

impl Process {
    /// CPU time so far, user and system: ticks of 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks =
            behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that nobody listens at just now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}
