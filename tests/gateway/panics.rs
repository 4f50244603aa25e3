//! A panic in the midst of a call: that call alone is lost, nothing half is left behind, and the same event is taken in when it
//! comes again. The system's source of randomness is made to fail from outside, which is the one thing the gateway can't go on
//! without.

use crate::harness::{
    Config, Folder, Gateway, Simulator, Tenant, customer_event, event, until, write_private,
};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// While it lives, the process gets no randomness.
struct Starved(Child);

impl Starved {
    fn of(process: u32, folder: &Path) -> Self {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-q",
            "-e",
            "trace=getrandom",
            "-e",
            "inject=getrandom:error=EIO",
            "-e",
            "signal=none",
        ]);
        command.arg("-o").arg(folder.join("trace")).args(["-p", &process.to_string()]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("there is strace");
        until("a process that is watched", || {
            let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
            let watched = |status: String| {
                status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
            };
            threads
                .flatten()
                .all(|thread| fs::read_to_string(thread.path().join("status")).is_ok_and(watched))
                .then_some(())
        });
        Self(child)
    }
}

impl Drop for Starved {
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        assert!(asked.is_ok_and(|ended| ended.success()), "strace runs");
        let _ = self.0.wait();
    }
}

/// Submits each event while there is no randomness, some times over; then all is as if that had never been.
fn survives(tenant: Tenant, (over, query, ends): (&str, &str, &str), events: &[Value]) {
    let xceed = Simulator::start(std::slice::from_ref(&tenant));
    let mut gateway = Gateway::start(Config::new([tenant], &xceed.url()).with(over));
    assert_eq!(gateway.submit(&event("before")).status, 200);
    let caller = gateway.caller();
    {
        let _starved = Starved::of(gateway.id(), &gateway.folder());
        for event in events.iter().chain(events) {
            let told = caller.try_call(&caller.submission(query, event.to_string()));
            assert!(told.as_ref().map_or(true, |told| told.status >= 500), "{told:?}");
        }
        assert_eq!(caller.call(&caller.request("GET", "/healthz")).status, 200, "others are served");
    }
    assert!(gateway.log().contains("a panic; please report the place"), "{}", gateway.log());
    for event in events {
        let id = event["eventId"].as_str().expect("an id");
        let told = gateway.submit_with(query, &[], event.to_string());
        assert!(told.status < 300 && !told.is_replay(), "{id}: {} {}", told.status, told.text());
        gateway.caller().until_state(id, ends);
        assert_eq!(xceed.received_of(id).len(), 1, "{id} arrived once");
    }
    assert_eq!(gateway.submit(&customer_event("after", "C-1")).status, 200);
    assert!(gateway.terminate().success(), "it ends in order: nothing is under way for ever");
}

#[test]
fn a_panic_while_an_event_is_prepared_leaves_nothing_behind() {
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"minted\"");
    // Two of one customer: nobody stands in line for ever.
    let events: Vec<_> =
        (0..4).map(|n| customer_event(&format!("e-{n}"), &format!("SIM-CALLBACK-NEVER~{}", n / 2))).collect();
    survives(tenant, ("", "?mode=async", "AWAITING_CALLBACK"), &events);
}

#[test]
fn a_panic_while_an_event_is_recorded_leaves_nothing_behind() {
    let folder = Folder::new();
    let key = folder.join("key");
    write_private(&key, &format!("{}\n", "a".repeat(64)));
    let over = format!("store.encryption_key = {{ file = '{}' }}", key.display());
    let events: Vec<_> = (0..4).map(|n| customer_event(&format!("e-{n}"), &format!("C-{}", n / 2))).collect();
    survives(Tenant::first_bank(), (&over, "", "SETTLED"), &events);
}
