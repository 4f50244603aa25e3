//! A process that a test has started: its log, its signals, its end.

use super::clock::until;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("it is piped");
        let reader = thread::spawn({
            let log = log.clone();
            move || {
                let mut lines = BufReader::new(stderr);
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&line);
                    log.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                    line.clear();
                }
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// The address that it says it listens at; or what it said before it ended.
    pub(crate) fn address(&mut self) -> Result<SocketAddr, String> {
        until("a process that says its address", || {
            let ended = self.child.try_wait().expect("its state can be asked").is_some();
            if ended {
                self.read_to_the_end();
            }
            let log = self.log();
            let said = |line: &str| {
                let (_, rest) = line.split_once(" address=").or_else(|| line.split_once("\"address\":\""))?;
                rest.split([' ', '"']).next()?.parse().ok()
            };
            let said: Option<SocketAddr> = log.lines().find_map(said);
            said.map(Ok).or_else(|| ended.then_some(Err(log)))
        })
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of it runs any more afterwards.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.read_to_the_end();
    }

    /// SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        let signal = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.id())).status();
        assert!(signal.expect("there is a shell").success(), "the process is there to be asked");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = until("a process that ends", || self.child.try_wait().expect("its state can be asked"));
        self.read_to_the_end();
        ended
    }

    fn read_to_the_end(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
