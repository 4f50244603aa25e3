//! PostgreSQL for tests: a private server of this very process, or the one that `tests/run` has started for all suites;
//! and a database of its own for each test that wants one.

use super::folder::repository;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

/// The URL of a server that is there already, without a database.
const VARIABLE: &str = "XCEED_GATEWAY_TEST_POSTGRES";

/// Which store the tests of this process record in, unless they say so themselves: `postgres`, or SQLite.
const STORE: &str = "XCEED_GATEWAY_TEST_STORE";

/// Whether the usual store is a database of a test's own on PostgreSQL.
pub(crate) fn is_on_postgres() -> bool {
    std::env::var(STORE).is_ok_and(|store| store == "postgres")
}

/// The same tests, these modules of them, with PostgreSQL as the usual store: in a process of their own, which has
/// nothing but this to tell it.
pub(crate) fn run_again_on_postgres(modules: &[&str]) {
    let Some(server) = server() else { return };
    let mut again = Command::new(std::env::current_exe().expect("this program has a file"));
    again.env(STORE, "postgres").env(VARIABLE, server).stdin(Stdio::null());
    let modules = modules.iter().map(|module| format!("{module}::"));
    let ended = again.args(modules).args(["--test-threads", "3"]).output().expect("it can be started");
    let told = String::from_utf8_lossy(&ended.stdout);
    let summary = told.lines().rfind(|line| line.starts_with("test result: ")).unwrap_or_default();
    assert!(ended.status.success(), "{told}\n{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!summary.contains(" 0 passed"), "no test was run: {told}");
}

/// A server of its own.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    // The server ends when this does.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    process: Child,
}

impl Server {
    /// `None` where this machine has no PostgreSQL.
    pub(crate) fn start() -> Option<Self> {
        let mut command = Command::new(repository("tests/postgres"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("tests/postgres can be started");
        let orders = process.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut url = String::new();
        answers.read_line(&mut url).expect("its output can be read");
        if url.is_empty() {
            drop(orders);
            let ended = process.wait_with_output().expect("it ends");
            let why = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            assert_eq!(ended.status.code(), Some(3), "PostgreSQL does not start: {why}");
            say_what_is_skipped(&why);
            return None;
        }
        Some(Self { url: url.trim().to_owned(), orders: Some(orders), answers, process })
    }

    pub(crate) fn database(&self) -> Database {
        Database::create(&self.url)
    }

    /// `kill`, `start`, `freeze` or `thaw`: done when this returns.
    pub(crate) fn order(&mut self, what: &str) {
        let orders = self.orders.as_mut().expect("it runs");
        writeln!(orders, "{what}").expect("tests/postgres listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("tests/postgres answers");
        assert_eq!(answer.trim(), "done", "tests/postgres could not {what}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The script ends the server, also a frozen one, when its input ends.
        self.orders = None;
        let _ = self.process.wait();
    }
}

/// The URL of the server for all tests of this process; `None` where this machine has none, which is said.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let url = SERVER.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(url) if !url.is_empty() => Some(url),
        // Never dropped: its script sees this process end.
        _ => Server::start().map(|server| Box::leak(Box::new(server)).url.clone()),
    });
    url.as_deref()
}

/// A database of a test's own, dropped with it.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// `None` where this machine has no PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        Some(Self::create(server()?))
    }

    fn create(server: &str) -> Self {
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        sql(&format!("{server}/postgres"), &format!("CREATE DATABASE {name}"));
        Self { server: server.to_owned(), name }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Where its server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let (_, place) = self.server.split_once('@').expect("a URL with a password");
        place.trim_end_matches('/').parse().expect("an address")
    }

    /// The same database by way of another address.
    pub(crate) fn url_by_way_of(&self, address: SocketAddr) -> String {
        self.url().replace(&self.address().to_string(), &address.to_string())
    }

    /// The server's password, which nobody may show.
    pub(crate) fn password(&self) -> String {
        let (_, from) = self.server.split_once("//gateway:").expect("a URL with a password");
        from.split('@').next().unwrap_or_default().to_owned()
    }

    /// Runs SQL in it.
    pub(crate) fn run(&self, text: &str) {
        sql(&self.url(), text);
    }

    /// The first value of what a query finds.
    pub(crate) fn ask(&self, query: &str) -> String {
        let rows = sql(&self.url(), query);
        rows.into_iter().next().unwrap_or_default()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            sql(&format!("{}/postgres", self.server), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// The first column of what comes of it.
fn sql(url: &str, text: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run = || async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let driver = tokio::spawn(connection);
        let messages = client.simple_query(text).await?;
        drop(client);
        let _ = driver.await;
        Ok::<_, tokio_postgres::Error>(messages)
    };
    // Gateways that run may be in the way of what changes tables; one of the two is told to come again.
    let again = |error: &tokio_postgres::Error| error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED);
    let mut tried = runtime.block_on(run());
    for _ in 0..10 {
        if tried.as_ref().is_err_and(again) {
            tried = runtime.block_on(run());
        }
    }
    let messages = tried.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let first = |message: &tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    messages.iter().filter_map(first).collect()
}

/// Past the capture of a test's output, so that nobody takes what was skipped for passed.
fn say_what_is_skipped(why: &str) {
    let text = format!("\nSKIPPED: every test on PostgreSQL ({why})\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
}
