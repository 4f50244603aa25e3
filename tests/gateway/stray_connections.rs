//! Where it connects to: its Xceed, and nowhere else, whatever a caller, a callback or an answer asks for. As a trace of its
//! system calls shows; and in a network of its own, which has loopback alone, all of it works.

use crate::harness::{
    Callback, Canned, Config, Do, Folder, Gateway, Tenant, answer, callback_request, event, results,
};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

/// XML that asks whoever reads it to fetch something from there.
fn asks(there: SocketAddr, file: &str) -> Vec<String> {
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    let whole = |doctype: &str, attributes: &str, inner: &str| {
        format!(
            "<?xml version=\"1.0\"?>{doctype}<s:Envelope xmlns:s=\"{soap}\"><s:Body>\
             <eventResult xmlns=\"urn:xceed:api:1.0\"{attributes}>{inner}</eventResult></s:Body></s:Envelope>"
        )
    };
    let instance = "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"";
    vec![
        whole(&format!("<!DOCTYPE a SYSTEM \"http://{there}/a.dtd\">"), "", ""),
        whole(
            &format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"http://{there}/x\">]>"),
            "",
            "<eventId>&x;</eventId>",
        ),
        whole(&format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"file://{file}\">]>"), "", "<eventId>&x;</eventId>"),
        whole(&format!("<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://{there}/p\"> %p;]>"), "", ""),
        whole("", &format!(" {instance} i:schemaLocation=\"urn:xceed:api:1.0 http://{there}/a.xsd\""), ""),
        whole(
            "",
            "",
            &format!(
                "<i:Include xmlns:i=\"http://www.w3.org/2004/08/xop/include\" href=\"http://{there}/i\"/>"
            ),
        ),
        whole(
            "",
            "",
            &format!("<i:include xmlns:i=\"http://www.w3.org/2001/XInclude\" href=\"file://{file}\"/>"),
        ),
        format!("<?xml-stylesheet href=\"http://{there}/s.xsl\"?>{}", whole("", "", "")),
    ]
}

#[test]
fn it_connects_to_its_xceed_alone_whatever_it_is_sent() {
    let folder = Folder::new();
    let (trace, bait) = (folder.join("trace"), folder.join("bait"));
    std::fs::write(&bait, "bait").expect("the test's folder can be written");
    // Whoever comes here was lured.
    let lure = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    lure.set_nonblocking(true).expect("it can be");
    let there = lure.local_addr().expect("it is bound");
    let file = bait.display().to_string();
    let asked = asks(there, &file);
    let answers: Vec<Vec<u8>> =
        asked.iter().map(|xml| answer(200, "text/xml; charset=utf-8", xml.as_bytes())).collect();
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: http://{there}/xceed\r\nContent-Length: 0\r\n\r\n");
    let xceed = Canned::start(move |heard| {
        let is_of =
            |number: &usize| ["<", "&lt;"].iter().any(|end| heard.body.contains(&format!("e-{number}{end}")));
        vec![Do::Say(match (0..=answers.len()).find(is_of) {
            Some(number) if number < answers.len() => answers[number].clone(),
            Some(_) => moved.clone().into_bytes(),
            None => results("SUCCESS", "10"),
        })]
    });
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"gw1\"\npolicy.deadline_ms = 500");
    let config = Config::new([tenant], &xceed.url());
    let output = trace.display().to_string();
    let words = ["strace", "-D", "-f", "-qq", "-e", "trace=connect,openat,open", "-o", &output];
    let mut gateway = Gateway::start_under(config, &words);
    for number in 0..=asked.len() {
        let told = gateway.submit(&event(&format!("e-{number}")));
        assert_eq!((told.status, &told.json()["outcome"]), (200, &"FALLBACK".into()), "{}", told.text());
    }
    for xml in &asked {
        let refused = gateway.call_back(&callback_request("gw1", xml.clone()));
        assert!(refused.status >= 400, "{}", refused.text());
    }
    let mut lured = event("e-900");
    lured["attributes"] =
        serde_json::json!({ "x": format!("http://{there}/"), "y": format!("file://{file}") });
    lured["callbackUrl"] = serde_json::json!(format!("http://{there}/"));
    assert_eq!(gateway.submit(&lured).status, 422);
    assert!(gateway.call_back(&Callback::of("e-0").request()).status >= 400, "nobody waits for one");
    gateway.kill();
    assert!(lure.accept().is_err(), "it came where it was lured to");
    let trace = std::fs::read_to_string(&trace).expect("strace wrote it");
    let own = xceed.url();
    let port = own.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let connects: Vec<&str> = trace.lines().filter(|line| line.contains("connect(")).collect();
    assert!(!connects.is_empty(), "it called Xceed");
    for line in connects {
        assert!(line.contains(&format!("htons({port}), sin_addr=inet_addr(\"127.0.0.1\")")), "{line}");
    }
    assert!(trace.contains("gateway.db") && !trace.contains(&file), "it opened a file that it was told of");
}

#[test]
fn all_of_it_works_where_there_is_no_network_but_loopback() {
    let confined = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args([
            "--map-root-user",
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec \"$@\"",
            "sh",
            program,
        ]);
        command.args(arguments).output()
    };
    if !confined("true", &[]).is_ok_and(|ended| ended.status.success()) {
        eprintln!("SKIPPED: this machine lets nobody have a network of their own");
        return;
    }
    let folder = Folder::new();
    let mut demo = Command::new("unshare");
    demo.args(["--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    demo.arg(env!("CARGO_BIN_EXE_xceed-gateway")).args(["demo", "--once"]).current_dir(folder.path());
    let ended = demo.output().expect("it can be started");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("BLOCK") && said.contains("ALLOW"), "{said}");
}
