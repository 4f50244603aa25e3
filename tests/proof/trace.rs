//! System calls as `strace -f -yy` writes them down: in the order in which it saw each begin and end. It sees a call
//! begin before the kernel does it, and end after; so a call that ended before another began was done before it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A call of the kernel.
#[derive(Debug, PartialEq)]
pub(crate) struct SystemCall {
    pub(crate) name: String,
    /// What it was called with: the descriptor with what it is, the bytes.
    pub(crate) arguments: String,
    /// The lines on which it began and ended; one that never ended, ended after all.
    pub(crate) began: usize,
    pub(crate) ended: usize,
    pub(crate) succeeded: bool,
}

impl SystemCall {
    /// The bytes in its arguments, written out.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = self.arguments.bytes().peekable();
        let mut bytes = Vec::with_capacity(self.arguments.len());
        // From the first string on: before it is what the descriptor is.
        let _ = text.by_ref().find(|byte| *byte == b'"');
        while let Some(byte) = text.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            match text.next().unwrap_or(b'\\') {
                digit @ b'0'..=b'7' => {
                    let mut code = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = text.next_if(|next| matches!(next, b'0'..=b'7')) else { break };
                        code = code * 8 + u32::from(digit - b'0');
                    }
                    bytes.push(code as u8);
                }
                b'n' => bytes.push(b'\n'),
                b't' => bytes.push(b'\t'),
                b'r' => bytes.push(b'\r'),
                b'v' => bytes.push(0x0b),
                b'f' => bytes.push(0x0c),
                other => bytes.push(other),
            }
        }
        bytes
    }
}

/// The calls of a trace, by their beginning.
pub(crate) fn read(trace: &str) -> Vec<SystemCall> {
    let mut calls: Vec<SystemCall> = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.trim_start().split_once(' ') else { continue };
        let text = text.trim_start();
        if text.starts_with("<... ") {
            let Some(place) = open.iter().position(|(waiting, _)| *waiting == thread) else { continue };
            let (_, place) = open.swap_remove(place);
            calls[place].ended = number;
            calls[place].succeeded = succeeded(text);
            continue;
        }
        let Some((name, arguments)) = text.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let unfinished = text.ends_with("<unfinished ...>");
        if unfinished {
            open.push((thread, calls.len()));
        }
        calls.push(SystemCall {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            began: number,
            ended: if unfinished { usize::MAX } else { number },
            succeeded: !unfinished && succeeded(text),
        });
    }
    calls
}

fn succeeded(text: &str) -> bool {
    let result = text.rsplit_once(") = ").or_else(|| text.rsplit_once(" = "));
    result.is_some_and(|(_, result)| result.starts_with(|first: char| first.is_ascii_digit()))
}

/// `strace` at work on running processes.
pub(crate) struct Tracer {
    child: Child,
    file: PathBuf,
}

impl Tracer {
    /// Attaches to all threads of these processes; `None` where there is no `strace`, or it may not.
    pub(crate) fn attach(processes: &[u32], file: &Path) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-yy", "-s", "4194304"]);
        command.args(["-e", "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync"]);
        command.args(["-e", "signal=none", "-o"]).arg(file);
        for process in processes {
            command.args(["-p", &process.to_string()]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut tracer = Self { child, file: file.to_owned() };
        // It attaches to one thread after the other.
        for _ in 0..1500 {
            if processes.iter().all(|process| is_traced(*process)) {
                return Some(tracer);
            }
            if tracer.child.try_wait().ok()?.is_some() {
                return None;
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Detaches, and gives what was written down.
    pub(crate) fn finish(mut self) -> String {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ = self.child.wait();
        }
        String::from_utf8_lossy(&std::fs::read(&self.file).unwrap_or_default()).into_owned()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether each thread of the process is being traced, or it has ended.
fn is_traced(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return true };
    threads.flatten().all(|thread| {
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { return true };
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|tracer| tracer.trim() != "0")
    })
}

/// A trace that was made by hand reads as it should: a reader that sees nothing would find nothing wrong.
pub(crate) fn can_be_read() -> bool {
    let trace = "\
        7 pwrite64(9</a/g.db-wal>, \"e-1\", 3, 0) = 3\n\
        7 fdatasync(9</a/g.db-wal> <unfinished ...>\n\
        8 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"HTTP/1.1 200 OK e-1\", 9, MSG_NOSIGNAL, NULL, 0) = 9\n\
        7 <... fdatasync resumed>) = 0\n\
        7 fdatasync(9</a/g.db-wal>) = -1 EIO (Input/output error)\n";
    let calls = read(trace);
    let shape: Vec<_> =
        calls.iter().map(|call| (call.name.as_str(), call.began, call.ended, call.succeeded)).collect();
    shape
        == [
            ("pwrite64", 0, 0, true),
            ("fdatasync", 1, 3, true),
            ("sendto", 2, 2, true),
            ("fdatasync", 4, 4, false),
        ]
}
