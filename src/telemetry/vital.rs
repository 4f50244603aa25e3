//! Threads that everything relies on.

use std::process::abort;
use std::thread;

/// Does the work of a thread that everything relies on. Where that breaks down, the gateway ends at once, so that whoever
/// watches it starts it again: what it has promised is on disk, and half a gateway would keep none of it. A task on the
/// thread that breaks down is caught by its runtime, and ends alone.
pub fn vital<T>(work: impl FnOnce() -> T) -> T {
    let ends = Ends;
    let done = work();
    drop(ends);
    done
}

struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        if thread::panicking() {
            let name = thread::current().name().unwrap_or("nameless").to_owned();
            tracing::error!(thread = name, "a thread that everything relies on broke down; the gateway ends");
            abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const CHILD: &str = "XCEED_GATEWAY_TEST_VITAL";

    #[test]
    fn a_process_does_not_outlive_a_thread_that_it_relies_on() {
        if std::env::var_os(CHILD).is_some() {
            let _ = thread::spawn(|| vital(|| panic!("broken"))).join();
            return;
        }
        let mut again = Command::new(std::env::current_exe().expect("this program has a file"));
        again.args([
            "--exact",
            "telemetry::vital::tests::a_process_does_not_outlive_a_thread_that_it_relies_on",
        ]);
        let ended = again.env(CHILD, "1").output().expect("it can be started");
        // SIGABRT
        assert_eq!(ended.status.signal(), Some(6), "{ended:?}");
        assert_eq!(vital(|| 7), 7);
    }
}
