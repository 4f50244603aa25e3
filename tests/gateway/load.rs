//! `xceed-gateway load` at a gateway that runs: what it brings, what it says of the rest, and how it goes on.

use crate::harness::{Config, Folder, Gateway, Simulator, Tenant, event, lines, own_address, until};
use serde_json::Value;
use std::fs;
use std::process::{Child, Command, Output, Stdio};

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    xceed: Simulator,
    folder: Folder,
}

impl Scene {
    fn new() -> Self {
        let tenants = [Tenant::first_bank().with("batch.chunk = 100")];
        let xceed = Simulator::start(&tenants);
        let bind = format!("server.bind = \"{}\"", own_address());
        let gateway = Gateway::start(Config::new(tenants, &xceed.url()).with(&bind));
        Self { gateway, xceed, folder: Folder::new() }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("the test's folder can be written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
        command.arg("load").args(arguments).args(["--output", "json"]).current_dir(self.folder.path());
        command.args(["--url", &format!("http://{}", self.gateway.address())]);
        command.env("XCEED_GATEWAY_KEY", "caller-of-first-bank");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().expect("the program can be started"))
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the program can be started")
    }
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    told: Value,
    errors: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Self { code: output.status.code(), told, errors: text(&output.stderr) }
    }

    /// Lines, taken in, known before, failed, and how many are at Xceed.
    fn counts(&self) -> [u64; 5] {
        ["lines", "accepted", "duplicates", "failed", "settled"]
            .map(|name| self.told[name].as_u64().unwrap_or_else(|| panic!("{name}: {self:?}")))
    }
}

fn numbered(count: usize) -> Vec<Value> {
    (0..count).map(|n| event(&format!("e-{n:05}"))).collect()
}

#[test]
fn a_file_is_brought_to_the_gateway_and_what_can_not_be_taken_is_told_by_its_line() {
    let scene = Scene::new();
    let mut text: Vec<String> = numbered(25).iter().map(Value::to_string).collect();
    text[3] = String::new();
    text[11] = "{\"eventId\":\"e 1\",\"eventType\":\"Login\"}".to_owned();
    text[20] = "nonsense".to_owned();
    scene.write("a.ndjson", &text.join("\r\n"));
    let ended = scene.run(&["a.ndjson", "--batch", "10"]);
    assert_eq!((ended.code, ended.counts()), (Some(1), [24, 22, 0, 2, 22]), "{ended:?}");
    assert_eq!(ended.told["failures"], "a.ndjson.failures.ndjson");
    let failures = scene.read("a.ndjson.failures.ndjson");
    let failed: Vec<_> =
        failures.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect();
    let of = |failure: &Value| (failure["line"].as_u64(), failure["type"].as_str().map(str::to_owned));
    let kind = |line, name: &str| (Some(line), Some(format!("urn:xceed-gateway:problem:{name}")));
    let found: Vec<_> = failed.iter().map(of).collect();
    assert_eq!(found, [kind(12, "invalid_event"), kind(21, "not_json")]);
    assert!(!scene.folder.join("a.ndjson.progress").exists(), "nothing is left to be known");
    let again = scene.run(&["a.ndjson", "--mode", "async"]);
    assert_eq!(again.counts(), [24, 0, 22, 2, 0], "{again:?}");
    assert_eq!(scene.xceed.arrivals().len(), 22, "nothing is sent twice");
}

#[test]
fn csv_is_an_event_by_its_header_or_by_a_map() {
    let scene = Scene::new();
    let text = "\u{feff}eventId,Kind,customer.id,transaction.amount,transaction.currency,attributes.Branch,Note\n\
                e-1,WireTransfer,\"Zoë, \"\"the\"\" C-1\",0012500.00,USD,12,x\n\
                e-2,WireTransfer,C-2,,,,\n\
                e-3,WireTransfer,C-3,12;5,USD,,\n\
                e-4,WireTransfer,C-4\n";
    scene.write("b.csv", text);
    scene.write("map.toml", "Kind = \"eventType\"\nNote = \"\"\n");
    let ended = scene.run(&["b.csv", "--map", "map.toml"]);
    assert_eq!((ended.code, ended.counts()), (Some(1), [4, 2, 0, 2, 2]), "{ended:?}");
    let payload = scene.xceed.received()[0]["payload"].as_str().expect("a text").to_owned();
    for part in ["<CustomerId>Zoë, \"the\" C-1<", ">12500.00<", "Branch=12", "<CustomerId>C-2<"] {
        assert!(payload.contains(part), "{part} in {payload}");
    }
    let failures = scene.read("b.csv.failures.ndjson");
    let failed: Vec<Value> = failures.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut lines: Vec<_> = failed.iter().map(|failure| failure["line"].as_u64().expect("a line")).collect();
    lines.sort_unstable();
    assert_eq!(lines, [4, 5], "{failures}");
    assert!(failures.contains("transaction.amount") && failures.contains("fields"), "{failures}");
}

#[test]
fn a_load_that_is_killed_goes_on_and_loses_or_doubles_nothing() {
    for (name, separator) in [("c.ndjson", None), ("c.csv", Some(','))] {
        let scene = Scene::new();
        let count = 3000;
        match separator {
            None => scene.write(name, &lines(&numbered(count))),
            Some(_) => {
                let rows: String = (0..count).map(|n| format!("e-{n:05},Login,\"C-\n{n}\"\n")).collect();
                scene.write(name, &format!("eventId,eventType,customer.id\n{rows}"));
            }
        }
        for wanted in [300, 1500] {
            let mut running = scene.start(&[name, "--batch", "100"]);
            until("some of it", || (scene.xceed.events() >= wanted).then_some(()));
            running.kill().expect("it runs");
            running.wait().expect("it has ended");
            assert!(scene.read(&format!("{name}.progress")).contains("offset"), "it knows where it was");
        }
        let ended = scene.run(&[name, "--batch", "100"]);
        let [lines, accepted, duplicates, failed, _] = ended.counts();
        assert_eq!((ended.code, lines, failed), (Some(0), count as u64, 0), "{ended:?}");
        assert_eq!(accepted + duplicates, count as u64);
        assert!(duplicates <= 200, "the batch under way at each kill at most: {ended:?}");
        let mut arrived = scene.xceed.arrivals();
        arrived.sort_unstable();
        assert_eq!(arrived, (0..count).map(|n| format!("e-{n:05}")).collect::<Vec<_>>(), "each once");
        assert!(!scene.folder.join(&format!("{name}.failures.ndjson")).exists());
    }
}

#[test]
fn a_gateway_that_goes_and_comes_back_is_waited_for() {
    let mut scene = Scene::new();
    scene.write("d.ndjson", &lines(&numbered(2000)));
    let running = scene.start(&["d.ndjson", "--batch", "100"]);
    until("some of it", || (scene.xceed.events() >= 300).then_some(()));
    scene.gateway.kill();
    scene.gateway.restart();
    let ended = Ended::of(&running.wait_with_output().expect("it ends"));
    let [lines, accepted, duplicates, failed, _] = ended.counts();
    assert_eq!((ended.code, lines, accepted + duplicates, failed), (Some(0), 2000, 2000, 0), "{ended:?}");
    assert_eq!(scene.xceed.events(), 2000);
}

#[test]
fn what_can_never_go_well_ends_at_once_and_says_why() {
    let scene = Scene::new();
    scene.write("e.ndjson", &lines(&numbered(300)));
    let refused = scene.command(&["e.ndjson"]).env("XCEED_GATEWAY_KEY", "nobody").output().expect("it runs");
    let refused = Ended::of(&refused);
    assert_eq!(refused.code, Some(1));
    assert!(refused.errors.contains("401"), "{refused:?}");
    let mut running = scene.start(&["e.ndjson", "--batch", "100"]);
    until("a progress", || scene.read("e.ndjson.progress").contains("offset").then_some(()));
    let _ = running.kill();
    running.wait().expect("it has ended");
    if !scene.folder.join("e.ndjson.progress").exists() {
        return; // it was quicker
    }
    scene.write("e.ndjson", &lines(&numbered(200)));
    let changed = scene.run(&["e.ndjson"]);
    assert_eq!(changed.code, Some(1));
    assert!(
        changed.errors.contains("e.ndjson.progress") && changed.errors.contains("begin anew"),
        "{changed:?}"
    );
}
