//! TLS in and out: versions, certificates that are not to be believed, clients that have to show one, and what is swapped
//! while calls go on. Callers are `curl`, so that nothing of the gateway's own speaks with itself.

use crate::harness::{
    Authority, Clients, Config, Folder, Gateway, Pair, Simulator, Tenant, Time, behind_tls, event, until,
    write_private,
};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    _xceed: Simulator,
    authority: Authority,
    folder: Folder,
}

/// A gateway that serves in TLS; `more` is laid over its configuration.
fn start(more: &str) -> Scene {
    let (authority, folder) = (Authority::new("bank"), Folder::new());
    std::fs::write(folder.join("ca.pem"), &authority.cert).expect("written");
    let (cert, key) = authority.sign("127.0.0.1", Time::Now).write(&folder, "server");
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let tls = format!("server.tls = {{ cert = '{}', key = '{}' }}", cert.display(), key.display());
    let config = Config::new([Tenant::first_bank()], &xceed.url()).with(&tls);
    let more = more.replace("CA", &folder.join("ca.pem").display().to_string());
    let gateway = Gateway::start(config.with(&more));
    Scene { gateway, _xceed: xceed, authority, folder }
}

impl Scene {
    /// What curl says of a call: the status, or why there is none.
    fn call(&self, options: &[&str]) -> Result<u16, String> {
        let ca = self.folder.join("ca.pem").display().to_string();
        curl(&format!("https://{}/healthz", self.gateway.address()), &[&["--cacert", &ca], options].concat())
    }

    fn with(&self, pair: &Pair, name: &str) -> Result<u16, String> {
        let (cert, key) = pair.write(&self.folder, name);
        let text = |path: &Path| path.display().to_string();
        self.call(&["--cert", &text(&cert), "--key", &text(&key)])
    }
}

fn curl(url: &str, options: &[&str]) -> Result<u16, String> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}"]).args(options).arg(url);
    let output = command.output().expect("curl is there");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).parse().expect("a status"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn callers_are_served_in_tls_from_1_2_on_and_in_the_clear_not_at_all() {
    let scene = start("");
    assert_eq!(scene.call(&["--tlsv1.3"]), Ok(200));
    assert_eq!(scene.call(&["--tlsv1.2", "--tls-max", "1.2"]), Ok(200));
    let old = scene.call(&["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0"]);
    assert!(old.is_err(), "{old:?}");
    let clear = curl(&format!("http://{}/healthz", scene.gateway.address()), &[]);
    assert!(clear.is_err(), "{clear:?}");
    let unknown = curl(&format!("https://{}/healthz", scene.gateway.address()), &[]);
    assert!(unknown.is_err(), "its authority is nobody whom the system knows: {unknown:?}");
}

#[test]
fn when_its_certificate_ends_is_a_metric() {
    let scene = start("");
    let ca = scene.folder.join("ca.pem");
    let url = format!("https://{}/metrics", scene.gateway.address());
    let output = Command::new("curl").args(["-sS", "--max-time", "10", "--cacert"]).arg(ca).arg(url).output();
    let text = String::from_utf8(output.expect("curl is there").stdout).expect("UTF-8");
    let name = "xceed_gateway_certificate_expiry_timestamp_seconds{certificate=\"server\"} ";
    let ends: f64 = text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).expect("it is told");
    assert!(ends > 1.7e9 && ends.fract() == 0.0, "{ends}");
}

#[test]
fn where_clients_have_to_show_a_certificate_only_those_of_the_authority_are_let_in() {
    let scene = start("server.tls.client_ca = 'CA'");
    assert_eq!(scene.with(&scene.authority.sign("desk", Time::Now), "good"), Ok(200));
    assert!(scene.call(&[]).is_err(), "none at all");
    assert!(scene.with(&scene.authority.sign("desk", Time::Past), "past").is_err());
    assert!(scene.with(&scene.authority.sign("desk", Time::Future), "future").is_err());
    assert!(scene.with(&Authority::new("other").sign("desk", Time::Now), "other").is_err());
}

#[test]
fn a_certificate_is_swapped_under_traffic_and_a_broken_one_is_not_taken() {
    let scene = start("");
    let serial = || {
        let address = scene.gateway.address().to_string();
        let script = format!(
            "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
        );
        let output = Command::new("sh").args(["-c", &script]).output().expect("openssl is there");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let ready = || {
        let ca = scene.folder.join("ca.pem").display().to_string();
        let url = format!("https://{}/readyz", scene.gateway.address());
        let output =
            Command::new("curl").args(["-sS", "--cacert", &ca, &url]).output().expect("curl is there");
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")
    };
    let (done, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                failed.fetch_add(usize::from(scene.call(&[]) != Ok(200)), SeqCst);
                thread::sleep(Duration::from_millis(10));
            }
        });
        let first = serial();
        let next = scene.authority.sign("127.0.0.1", Time::Now);
        next.write(&scene.folder, "server");
        scene.gateway.signal("HUP");
        let second = until("another certificate", || Some(serial()).filter(|now| *now != first));
        // Half of a file, as somebody writes it.
        let half = &next.cert[..next.cert.len() / 2];
        std::fs::write(scene.folder.join("server.pem"), half).expect("written");
        scene.gateway.signal("HUP");
        until("a configuration that is refused", || (ready()["configuration"] == "refused").then_some(()));
        assert_eq!(serial(), second, "the one before goes on");
        // A key of somebody else's.
        write_private(&scene.folder.join("server.key"), &scene.authority.sign("x", Time::Now).key);
        std::fs::write(scene.folder.join("server.pem"), &next.cert).expect("written");
        scene.gateway.signal("HUP");
        thread::sleep(Duration::from_millis(300));
        assert_eq!((serial(), &ready()["configuration"]), (second, &json!("refused")));
        next.write(&scene.folder, "server");
        scene.gateway.signal("HUP");
        until("a configuration that is taken", || (ready()["configuration"] == "current").then_some(()));
        done.store(true, SeqCst);
    });
    assert_eq!(failed.load(SeqCst), 0, "no call was refused meanwhile");
}

/// A gateway whose Xceed is behind TLS with this certificate, and what it says of one event.
fn score(pair: &Pair, clients: Clients<'_>, tls: &str) -> Value {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let plain = xceed.platform().trim_start_matches("http://").parse().expect("an address");
    let address = behind_tls(plain, pair, clients);
    let tenant = Tenant::first_bank().with(&format!("xceed.tls = {tls}\npolicy.deadline_ms = 3000"));
    let gateway = Gateway::start(Config::new([tenant], &format!("https://{address}/xceed")));
    gateway.submit(&event("e-1")).json()
}

#[track_caller]
fn assert_not_believed(told: &Value) {
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("transport")), "{told}");
}

#[test]
fn only_a_certificate_that_the_pinned_authority_signed_for_this_address_and_time_is_xceeds() {
    let (authority, folder) = (Authority::new("vendor"), Folder::new());
    std::fs::write(folder.join("ca.pem"), &authority.cert).expect("written");
    let pinned = format!("{{ ca = '{}' }}", folder.join("ca.pem").display());
    let good = authority.sign("127.0.0.1", Time::Now);
    let told = score(&good, Clients::All, &pinned);
    assert_eq!(told["outcome"], "SCORED", "{told}");
    for (what, pair) in [
        ("expired", authority.sign("127.0.0.1", Time::Past)),
        ("not yet valid", authority.sign("127.0.0.1", Time::Future)),
        ("another name", authority.sign("xceed.example", Time::Now)),
        ("another authority", Authority::new("other").sign("127.0.0.1", Time::Now)),
    ] {
        println!("{what}");
        assert_not_believed(&score(&pair, Clients::All, &pinned));
    }
    // Without a pin the system's roots count, and ours is none of them.
    assert_not_believed(&score(&good, Clients::All, "{}"));
}

#[test]
fn the_gateway_shows_xceed_its_own_certificate_where_one_is_wanted() {
    let (authority, folder) = (Authority::new("vendor"), Folder::new());
    std::fs::write(folder.join("ca.pem"), &authority.cert).expect("written");
    let (cert, key) = authority.sign("gateway", Time::Now).write(&folder, "gateway");
    let server = authority.sign("127.0.0.1", Time::Now);
    let ca = folder.join("ca.pem");
    let shown =
        format!("{{ ca = '{}', cert = '{}', key = '{}' }}", ca.display(), cert.display(), key.display());
    let told = score(&server, Clients::SignedBy(&authority), &shown);
    assert_eq!(told["outcome"], "SCORED", "{told}");
    let unknown = format!("{{ ca = '{}' }}", ca.display());
    assert_not_believed(&score(&server, Clients::SignedBy(&authority), &unknown));
}

#[test]
fn health_moves_to_a_listener_of_its_own_where_there_is_one() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config =
        Config::new([Tenant::first_bank()], &xceed.url()).with("server.admin_bind = \"127.0.0.1:0\"");
    let gateway = Gateway::start(config);
    let log = gateway.log();
    let admin =
        log.split("admin=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    let status = |url: String| curl(&url, &[]).expect("an answer");
    assert_eq!(status(format!("http://{admin}/readyz")), 200);
    assert_eq!(status(format!("http://{admin}/healthz")), 200);
    assert_eq!(status(format!("http://{admin}/v1/return-codes")), 404, "nothing else is there");
    assert_eq!(status(format!("http://{}/healthz", gateway.address())), 404);
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
}

#[test]
fn what_is_unsafe_keeps_it_from_starting_unless_it_is_wanted_and_then_it_is_shown() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    for (word, more) in [
        ("plain_http", "server.bind = \"0.0.0.0:0\""),
        ("plain_http", "server.admin_bind = \"0.0.0.0:0\""),
        (
            "open_callbacks",
            "tenants.first-bank.xceed = { callback_id = \"gw1\", callback_allow = [\"0.0.0.0/0\"] }",
        ),
        (
            "open_callbacks",
            "tenants.first-bank.xceed = { callback_id = \"gw1\", callback_allow = [\"0.0.0.0/1\", \"128.0.0.0/1\"] }",
        ),
        ("open_proxies", "server.trusted_proxies = [\"::/0\"]"),
    ] {
        let config = || Config::new([Tenant::first_bank()], &xceed.url()).with(more);
        let refused = Gateway::try_start(config(), Folder::new()).expect_err("it is unsafe");
        assert!(refused.contains(&format!("server.unsafe = [\"{word}\"]")), "{refused}");
        let wanted = config().with(&format!("server.unsafe = [\"{word}\"]"));
        let gateway = Gateway::start(wanted);
        assert!(gateway.log().contains(word), "it is shown");
        if !more.contains("bind") {
            let ready = gateway.caller().call(&gateway.caller().request("GET", "/readyz")).json();
            assert_eq!(ready["unsafe"], json!([word]), "{ready}");
        }
    }
}

#[test]
fn keys_overlap_while_they_are_rotated_and_have_their_time() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let hash = |key: &str| {
        use sha2::Digest;
        format!("sha256:{}", hex::encode(sha2::Sha256::digest(key)))
    };
    let key = |name: &str, times: &str| {
        format!("{{ name = \"{name}\", hash = \"{}\", roles = [\"caller\"]{times} }}", hash(name))
    };
    let keys = [
        key("old", ", not_after = \"2020-01-01T00:00:00Z\""),
        key("leaving", ", not_after = \"2090-01-01T00:00:00Z\""),
        key("coming", ", not_before = \"2020-01-01T00:00:00+01:00\""),
        key("later", ", not_before = \"2090-01-01T00:00:00Z\""),
    ];
    let tenant = Tenant::first_bank().with(&format!("api_keys = [{}]", keys.join(", ")));
    let gateway = Gateway::start(Config::new([tenant], &xceed.url()));
    let call = |key: &str| {
        let caller = crate::harness::Caller { key: key.to_owned(), ..gateway.caller() };
        let answer = caller.submit(&event(&format!("e-{key}")));
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!((call("leaving").0, call("coming").0), (200, 200));
    let (status, why) = call("old");
    assert!(status == 401 && why.contains("has expired"), "{status} {why}");
    let (status, why) = call("later");
    assert!(status == 401 && why.contains("not valid yet"), "{status} {why}");
}

#[test]
fn files_that_everybody_may_read_are_no_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let (xceed, folder) = (Simulator::start(&[Tenant::first_bank()]), Folder::new());
    let file = folder.join("secret");
    write_private(&file, "311a5439c8bda8ef\n");
    let over = format!("xceed.secret_key = {{ file = '{}' }}", file.display());
    let config = || Config::new([Tenant::first_bank().with(&over)], &xceed.url());
    drop(Gateway::start(config()));
    for (mode, is_refused) in [(0o640, false), (0o644, true), (0o604, true), (0o602, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        let started = Gateway::try_start(config(), Folder::new());
        match started {
            Ok(_) => assert!(!is_refused, "{mode:o}"),
            Err(why) => assert!(is_refused && why.contains("chmod 600"), "{mode:o}: {why}"),
        }
    }
}

#[test]
fn no_secret_stands_in_its_arguments_or_its_environment() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    let id = gateway.id();
    let read = |name: &str| std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
    for name in ["cmdline", "environ"] {
        let text = String::from_utf8_lossy(&read(name)).into_owned();
        assert!(!text.contains("311a5439c8bda8ef"), "the secret is in {name}");
    }
}

#[test]
fn what_tls_makes_safe_is_not_taken_while_there_is_none() {
    let (authority, folder) = (Authority::new("bank"), Folder::new());
    std::fs::write(folder.join("ca.pem"), &authority.cert).expect("written");
    let (cert, key) = authority.sign("127.0.0.1", Time::Now).write(&folder, "server");
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let tenant = |allow: &str| {
        Tenant::first_bank()
            .with(&format!("xceed.callback_id = \"gw1\"\nxceed.callback_allow = [\"{allow}\"]"))
    };
    let mut gateway = Gateway::start(Config::new([tenant("10.0.0.0/8")], &xceed.url()));
    let call_back = |gateway: &Gateway| {
        let url = format!("http://{}/xceed/callback/gw1", gateway.address());
        curl(&url, &["-X", "POST", "-H", "Content-Type: text/xml", "-d", "<a/>"]).expect("an answer")
    };
    assert_eq!(call_back(&gateway), 403);
    let tls = format!(
        "server.tls = {{ cert = '{}', key = '{}', client_ca = '{}' }}",
        cert.display(),
        key.display(),
        folder.join("ca.pem").display()
    );
    gateway.reconfigure(Config::new([tenant("0.0.0.0/0")], &xceed.url()).with(&tls));
    gateway.signal("HUP");
    let ready = || gateway.caller().call(&gateway.caller().request("GET", "/readyz")).json();
    until("a configuration that is refused", || (ready()["configuration"] == "refused").then_some(()));
    assert_eq!(call_back(&gateway), 403, "nothing of it is taken");
}

#[test]
fn a_stream_ends_when_its_key_does() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    use sha2::Digest;
    let hash = hex::encode(sha2::Sha256::digest("short"));
    let until = jiff::Timestamp::now() + Duration::from_secs(3);
    let key = format!(
        "{{ name = \"a\", hash = \"sha256:{hash}\", roles = [\"caller\"], not_after = \"{until}\" }}"
    );
    let tenant = Tenant::first_bank().with(&format!("api_keys = [{key}]"));
    let gateway = Gateway::start(Config::new([tenant], &xceed.url()));
    let url = format!("http://{}/v1/decisions", gateway.address());
    let ended = Command::new("curl")
        .args(["-sS", "--max-time", "40", "-o", "/dev/null", "-H", "Authorization: Bearer short", &url])
        .status()
        .expect("curl is there");
    assert!(ended.success(), "it ends by itself");
}
