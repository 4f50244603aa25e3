//! A gateway as its operator sees it: started, killed, restarted, asked to end. Its store outlives its process.

use super::caller::Caller;
use super::clock::until;
use super::config::Config;
use super::folder::Folder;
use super::http::Response;
use super::process::Process;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Gateway {
    // Before the folder, so that it has ended when that is removed.
    process: Process,
    address: SocketAddr,
    config: Config,
    folder: Folder,
}

impl Gateway {
    pub(crate) fn start(config: Config) -> Self {
        Self::try_start(config, Folder::new())
            .unwrap_or_else(|log| panic!("the gateway does not start: {log}"))
    }

    /// Starts with what lies in the folder already; or tells what the gateway said when it refused.
    pub(crate) fn try_start(config: Config, folder: Folder) -> Result<Self, String> {
        let (process, address) = run(&config, &folder)?;
        Ok(Self { process, address, config, folder })
    }

    /// Starts with a store on a file system of its own, made for this process and gone with it, which `options` bound.
    /// `None` where this machine lets nobody mount.
    pub(crate) fn start_confined(config: Config, options: &str) -> Option<Result<Self, String>> {
        let folder = Folder::new();
        let store = folder.join(CONFINED);
        std::fs::create_dir(&store).expect("the test's folder can be written");
        let url = format!("store.url = \"sqlite:{}\"", store.join("gateway.db").display());
        let config = config.with(&url);
        confine(&store, options, "true").status().ok().filter(ExitStatus::success)?;
        let mut command = confine(&store, options, env!("CARGO_BIN_EXE_xceed-gateway"));
        command.env("RUST_LOG", config.log_level);
        command.arg("serve").arg("--config").arg(config.write(&folder));
        let mut process = Process::start(command);
        let started = process.address();
        Some(started.map(|address| Self { process, address, config, folder }))
    }

    /// Starts with no more of something than a shell's `ulimit` says.
    pub(crate) fn start_limited(config: Config, limit: &str) -> Self {
        Self::start_under(config, &["sh", "-c", &format!("ulimit {limit} && exec \"$@\""), "sh"])
    }

    /// Starts by way of another program, which becomes the gateway or watches it: these words stand before its own.
    pub(crate) fn start_under(config: Config, words: &[&str]) -> Self {
        let folder = Folder::new();
        let started = run_under(words, &config, &folder);
        let (process, address) = started.unwrap_or_else(|log| panic!("the gateway does not start: {log}"));
        Self { process, address, config, folder }
    }

    /// Starts it again by way of another program; or tells what it said when it refused.
    pub(crate) fn restart_under(&mut self, words: &[&str]) -> Result<(), String> {
        self.process.kill();
        (self.process, self.address) = run_under(words, &self.config, &self.folder)?;
        Ok(())
    }

    /// The confined store's folder, as the gateway sees it.
    pub(crate) fn confined(&self) -> PathBuf {
        let seen = PathBuf::from(format!("/proc/{}/root", self.id()));
        let inside = self.folder.join(CONFINED);
        seen.join(inside.strip_prefix("/").expect("an absolute path"))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM; the gateway may still answer what is under way.
    pub(crate) fn ask_to_end(&self) {
        self.process.ask_to_end();
    }

    /// SIGINT, as Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.process.signal("INT");
    }

    /// `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// SIGTERM, and the end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.process.ask_to_end();
        self.wait()
    }

    /// Starts it and asks it to end as soon as it says that it is starting. How it ended, and what it said.
    pub(crate) fn end_during_the_start(config: &Config, folder: &Folder) -> (ExitStatus, String) {
        let mut process = Process::start(command(config, folder));
        until("a gateway that starts", || process.log().contains("starting").then_some(()));
        process.ask_to_end();
        (process.wait(), process.log())
    }

    /// Until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Starts it again, on the same store.
    pub(crate) fn restart(&mut self) {
        self.process.kill();
        let started = run(&self.config, &self.folder);
        (self.process, self.address) = started.unwrap_or_else(|log| panic!("it does not start again: {log}"));
    }

    /// Starts it again; or tells what it said when it refused.
    pub(crate) fn try_restart(&mut self) -> Result<(), String> {
        self.process.kill();
        (self.process, self.address) = run(&self.config, &self.folder)?;
        Ok(())
    }

    /// Starts it again, and kills it after this time, whether it listens by then or not.
    pub(crate) fn start_and_kill_after(&mut self, time: Duration) {
        self.process.kill();
        self.process = Process::start(command(&self.config, &self.folder));
        thread::sleep(time);
        self.process.kill();
    }

    /// Writes another configuration where this one's is. What becomes of it the gateway finds out by itself.
    pub(crate) fn reconfigure(&mut self, config: Config) {
        self.config = config;
        self.config.write(&self.folder);
    }

    /// Starts it again, on the same store, with another configuration.
    pub(crate) fn restart_with(&mut self, config: Config) {
        self.config = config;
        self.restart();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has written to standard error since it was started last.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder: the configuration, the secrets, the store.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A caller of the first tenant.
    pub(crate) fn caller(&self) -> Caller {
        self.caller_of(self.config.first_tenant())
    }

    pub(crate) fn caller_of(&self, tenant: &str) -> Caller {
        Caller { address: self.address, key: format!("caller-of-{tenant}") }
    }

    pub(crate) fn submit(&self, event: &Value) -> Response {
        self.caller().submit(event)
    }

    pub(crate) fn submit_with(
        &self,
        query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Response {
        self.caller().submit_with(query, headers, body)
    }

    pub(crate) fn look_up(&self, event_id: &str) -> Response {
        self.caller().look_up(event_id)
    }
}

const CONFINED: &str = "store";

/// A program with a small file system of its own at that folder. The shell becomes the program, so that signals reach
/// it and the mount ends with it.
fn confine(folder: &Path, options: &str, program: &str) -> Command {
    let script = "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";
    let mut command = Command::new("unshare");
    // A user namespace makes whoever is not root its root.
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh", options]).arg(folder).arg(program);
    command
}

fn run(config: &Config, folder: &Folder) -> Result<(Process, SocketAddr), String> {
    run_under(&[], config, folder)
}

fn run_under(words: &[&str], config: &Config, folder: &Folder) -> Result<(Process, SocketAddr), String> {
    let mut process = Process::start(command_under(words, config, folder));
    let address = process.address()?;
    Ok((process, address))
}

fn command(config: &Config, folder: &Folder) -> Command {
    command_under(&[], config, folder)
}

fn command_under(words: &[&str], config: &Config, folder: &Folder) -> Command {
    let mut words = words.iter().copied().chain([env!("CARGO_BIN_EXE_xceed-gateway")]);
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).env("RUST_LOG", config.log_level);
    command.arg("serve").arg("--config").arg(config.write(folder)).args(config.arguments);
    command
}
