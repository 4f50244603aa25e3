//! More calls than can be served: what is still answered, how soon the rest is refused, how soon it is over, and what a tenant
//! that floods costs the others. Gateway, callers and Xceed share the machine's cores, so the floods take from the gateway
//! what they are made with: read figures beside each other, or give the gateway a core to itself (`--apart`).

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod gateway;
mod measure;
#[path = "measure/xceed.rs"]
mod xceed;

use gateway::callers::{Callers, Heard};
use gateway::{Home, KEY, Setup};
use measure::{Arguments, Report, Samples};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use xceed::{SCORED, play_xceed};
use xceed_gateway::http::auth::hash_of;

const USAGE: &str = "\
cargo bench --bench overload -- [options]
  --seconds 5        of each load
  --callers 64       of the usual load
  --xceed 5          milliseconds that Xceed takes for each event
  --apart            the gateway has one core to itself, and callers and Xceed another
  --json FILE        write the report there as well";

const FLOOD: &str = "flood";
/// A burst has so many times the calls of the usual load.
const BURST: f64 = 10.0;
/// With `--apart`: who runs where.
const GATEWAY_CORE: usize = 1;
const CALLERS_CORE: usize = 0;
/// Whoever floods has so many times the calls of a usual tenant.
const TIMES: f64 = 50.0;

fn main() {
    let arguments = Arguments::read(USAGE);
    let seconds = Duration::from_secs_f64(arguments.get("--seconds", 5.0));
    let count: usize = arguments.get("--callers", 64);
    let xceed: u64 = arguments.get("--xceed", 5);
    let core = arguments.has("--apart").then(|| {
        stay_on_core(CALLERS_CORE);
        GATEWAY_CORE
    });
    let agreed = |rate: u32| Setup { core, more: second_tenant(rate), ..Setup::default() };
    let mut report = Report::new(
        "overload: bursts and floods",
        format!(
            "usual load from {count} callers at a quarter of the peak; Xceed takes {xceed} ms; open loop unless it is said; times from when a call left"
        ),
    );
    burst(&Setup { core, ..Setup::default() }, (count, seconds, xceed), &mut report);
    report.table(&[
        "one tenant floods, the other's calls",
        "a second",
        "p50 ms",
        "p99 ms",
        "flood served",
        "flood refused",
    ]);
    for (name, rate) in
        [("agreed: 200 a second", 200), ("as usual: 500", 500), ("no limit agreed", 1_000_000)]
    {
        flood(&agreed(rate), (name, count, seconds, xceed), &mut report);
    }
    report.finish(&arguments);
}

/// This process and all that it has begun stay on one core from now on, so that another is the gateway's alone.
fn stay_on_core(core: usize) {
    let (core, process) = (core.to_string(), std::process::id().to_string());
    let kept =
        Command::new("taskset").args(["-a", "-p", "-c", &core, &process]).stdout(Stdio::null()).status();
    assert!(
        kept.is_ok_and(|status| status.success()),
        "taskset (Debian: util-linux) can't keep it on a core"
    );
}

fn second_tenant(rate: u32) -> String {
    format!(
        r#"
[tenants.flood]
api_keys = [{{ name = "flood", hash = "{}", roles = ["caller"] }}]
[tenants.flood.xceed]
url = "http://UPSTREAM/xceed"
platform_id = "4"
service_id = "310031"
secret_key = {{ env = "BENCH_SECRET_KEY" }}
schema = "1.0"
[tenants.flood.limits]
requests_per_second = {rate}
[tenants.flood.policy]
deadline_ms = 5000
"#,
        hash_of(FLOOD)
    )
}

fn load(home: &Home, key: &'static str, count: usize, rate: Option<f64>, time: Duration) -> Heard {
    let gateway = home.gateway;
    Callers { gateway, key, count, rate, calls: u64::MAX, time, query: "", right: SCORED }.call()
}

fn burst(setup: &Setup, (count, seconds, xceed): (usize, Duration, u64), report: &mut Report) {
    let home = Home::new(setup);
    let upstream = home.upstream;
    thread::spawn(move || play_xceed(upstream, move || Duration::from_millis(xceed)));
    let _gateway = home.start("serve", &[], home.gateway);
    load(&home, KEY, count, None, Duration::from_secs(1));
    let peak = load(&home, KEY, count, None, seconds);
    let usual_rate = served(&peak) / 4.0;
    let usual = load(&home, KEY, count, Some(usual_rate), seconds);
    let flooded = load(&home, KEY, count * 10, Some(usual_rate * BURST), seconds);
    let limit = Samples::of(usual.millis.clone()).at(0.99) * 1.5;
    let calm = (1..=20).find(|_| {
        let after = load(&home, KEY, count, Some(usual_rate), Duration::from_millis(500));
        Samples::of(after.millis).at(0.99) <= limit
    });
    report.table(&[
        "ten times the usual calls",
        "served a second",
        "p50 ms",
        "p99 ms",
        "refused",
        "refused in p50 ms",
        "p99 ms",
        "max ms",
    ]);
    for (name, heard) in [("peak, closed loop", &peak), ("usual", &usual), ("burst", &flooded)] {
        let (millis, refused) = (Samples::of(heard.exchanged.clone()), Samples::of(heard.refused.clone()));
        let times = [refused.at(0.5), refused.at(0.99), refused.at(1.0)];
        let served = [served(heard), millis.at(0.5), millis.at(0.99), heard.refused.len() as f64];
        report.row(name, &[&served[..], &times].concat());
    }
    report.table(&["then", "s"]);
    let after = calm.map_or(f64::NAN, |steps| steps as f64 * 0.5);
    report.row("p99 below 1.5 times the usual one after, at most", &[after]);
}

fn flood(setup: &Setup, (name, count, seconds, xceed): (&str, usize, Duration, u64), report: &mut Report) {
    let home = Home::new(setup);
    let upstream = home.upstream;
    thread::spawn(move || play_xceed(upstream, move || Duration::from_millis(xceed)));
    let _gateway = home.start("serve", &[], home.gateway);
    load(&home, KEY, count, None, Duration::from_secs(1));
    let usual_rate = 100.0;
    let before = load(&home, KEY, count, Some(usual_rate), seconds);
    let (during, flooding) = thread::scope(|scope| {
        let flooding =
            scope.spawn(|| load(&home, FLOOD, count * 4, Some(usual_rate * TIMES), seconds + seconds / 5));
        thread::sleep(seconds / 10);
        (load(&home, KEY, count, Some(usual_rate), seconds), flooding.join().expect("a flood"))
    });
    for (when, heard, (flood_served, refused)) in [
        ("before", &before, (f64::NAN, f64::NAN)),
        ("during", &during, (served(&flooding), flooding.refused.len() as f64 / flooding.wall.as_secs_f64())),
    ] {
        let millis = Samples::of(heard.exchanged.clone());
        let values = [served(heard), millis.at(0.5), millis.at(0.99), flood_served, refused];
        report.row(format!("{name}: {when}"), &values);
    }
}

fn served(heard: &Heard) -> f64 {
    heard.millis.len() as f64 / heard.wall.as_secs_f64()
}
