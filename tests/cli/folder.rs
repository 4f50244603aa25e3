//! A folder of its own for a test, and the program run in it: bounded, without what the test's own environment says.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// A command that has not ended by then is ended; far more than any needs.
const PATIENCE: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(20);

/// The secret key of the tenant in [`Folder::with_tenant`].
pub(crate) const SECRET: &str = "f00dfeedfacebeef0123456789abcdef";
/// The variable that holds it.
pub(crate) const VARIABLE: &str = "CLI_TEST_XCEED_KEY";

/// A wire transfer that is valid.
pub(crate) const EVENT: &str = r#"{"eventId":"e-1","eventType":"WireTransfer","occurredAt":"2026-11-22T08:00:00Z",
 "customer":{"id":"Zoë & Söhne"},"transaction":{"id":"T-1","amount":12500.00,"currency":"USD"}}"#;

pub(crate) struct Folder {
    path: PathBuf,
    variables: BTreeMap<String, String>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command that runs until it is stopped, or until this goes.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder of its own");
        Self { path, variables: BTreeMap::new() }
    }

    /// A folder with `gateway.toml`, whose one tenant signs with [`SECRET`].
    pub(crate) fn with_tenant() -> Self {
        let mut folder = Self::new();
        folder.write("gateway.toml", configuration(&root().join("xsd"), ""));
        folder.set(VARIABLE, SECRET);
        folder
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(&path, content).expect("a file is written");
        // Secrets have to be one's own, and nothing else minds.
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is this test's own");
    }

    /// Copies a folder of the repository into this one.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        for entry in fs::read_dir(root().join(from)).expect("a folder of the repository") {
            let name = entry.expect("a file").file_name().into_string().expect("a plain name");
            let (from, to) = (format!("{from}/{name}"), format!("{to}/{name}"));
            if root().join(&from).is_dir() {
                self.copy(&from, &to);
            } else {
                self.write(&to, fs::read(root().join(&from)).expect("a file is read"));
            }
        }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs it with this as its standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Ended {
        let mut running = self.start(arguments);
        // A program that fails early does not read it.
        let _ = running.child.stdin.take().expect("it is piped").write_all(input.as_ref());
        running.end()
    }

    /// Starts it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("XCEED_GATEWAY__") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.args(arguments).envs(&self.variables).current_dir(&self.path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (stdout, stderr) = (child.stdout.take().map(collect), child.stderr.take().map(collect));
        Running { child, stdout, stderr }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Running {
    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(self) -> Ended {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(told.success());
        self.end()
    }

    fn end(mut self) -> Ended {
        let status = self.wait();
        let text = |thread: &mut Option<JoinHandle<String>>| {
            thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
        };
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        let code = status.unwrap_or_else(|| panic!("it did not end:\n{stdout}{stderr}")).code();
        Ended { code, stdout, stderr }
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return Some(status);
            }
            sleep(STEP);
            waited += STEP;
        }
        let _ = self.child.kill();
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// What it printed, where it succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// What it complained of, where it failed.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.stderr
    }

    /// What it complained of, where the command line was wrong.
    #[track_caller]
    pub(crate) fn misused(self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        self.stderr
    }

    /// Its one JSON object.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A configuration with the sets of a folder, and something more for the tenant's link.
pub(crate) fn configuration(xsd: &Path, link: &str) -> String {
    format!(
        r#"
[server]
bind = "127.0.0.1:0"
[store]
url = "sqlite:gateway.db"
[schemas]
dir = '{}'
{}"#,
        xsd.display(),
        tenant("first-bank", link)
    )
}

/// The part of one tenant.
pub(crate) fn tenant(name: &str, link: &str) -> String {
    format!(
        r#"
[tenants.{name}]
api_keys = [{{ name = "desk", hash = "sha256:{}", roles = ["caller"] }}]
[tenants.{name}.xceed]
url = "http://127.0.0.1:9/xceed"
platform_id = "3"
service_id = "210021"
secret_key = {{ env = "{VARIABLE}" }}
schema = "1.0"
{link}"#,
        digits("sha256sum", name)
    )
}

/// What a program of coreutils makes of a text: the digits of `sha1sum` or `sha256sum`.
pub(crate) fn digits(program: &str, text: &str) -> String {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("coreutils are there");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let line = String::from_utf8(output.stdout).expect("digits");
    line.split_whitespace().next().expect("digits").to_owned()
}

/// Fails unless the text has every part.
#[track_caller]
pub(crate) fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}
