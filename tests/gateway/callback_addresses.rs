//! From where callbacks are taken: the address that calls, or the one that a trusted proxy has seen; never what a
//! caller says of itself.

use crate::harness::{Callback, Config, Gateway, Request, Simulator, Tenant, customer_event, send_from};

/// A gateway that takes callbacks from 127.0.0.5 alone, and an event that awaits one.
fn start(server: &str) -> (Simulator, Gateway) {
    let allow = "[xceed]\ncallback_id = \"gw1\"\ncallback_allow = [\"127.0.0.5/32\"]";
    let tenants = [Tenant::first_bank().with(allow)];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()).with(server));
    let event = customer_event("e-1", "SIM-CALLBACK-NEVER").to_string();
    assert_eq!(gateway.submit_with("?mode=async", &[], event).status, 202);
    gateway.caller().until_state("e-1", "AWAITING_CALLBACK");
    (xceed, gateway)
}

fn status(gateway: &Gateway, from: &str, headers: &[(&str, &str)]) -> u16 {
    let request = Callback::of("e-1").request();
    status_of(gateway, from, headers, request)
}

fn status_of(gateway: &Gateway, from: &str, headers: &[(&str, &str)], request: Request) -> u16 {
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    send_from(from, gateway.address(), &request).status
}

const SPOOFED: [&[(&str, &str)]; 6] = [
    &[],
    &[("X-Forwarded-For", "127.0.0.5")],
    &[("X-Forwarded-For", "127.0.0.5, 127.0.0.5")],
    &[("Forwarded", "for=127.0.0.5")],
    &[("X-Real-IP", "127.0.0.5"), ("Client-IP", "127.0.0.5"), ("True-Client-IP", "127.0.0.5")],
    &[("X-Forwarded-For", "127.0.0.5"), ("X-Forwarded-For", "127.0.0.5"), ("Via", "1.1 127.0.0.5")],
];

#[test]
fn strangers_are_turned_away_whatever_their_headers_say() {
    let (_xceed, gateway) = start("");
    for headers in SPOOFED {
        assert_eq!(status(&gateway, "127.0.0.77", headers), 403, "{headers:?}");
        assert_eq!(status(&gateway, "127.0.0.1", headers), 403, "{headers:?}");
    }
    let unknown = Callback { callback_id: "gw2".to_owned(), ..Callback::of("e-1") };
    assert_eq!(
        status_of(&gateway, "127.0.0.77", &[], unknown.request()),
        403,
        "it learns nothing of ids either"
    );
    assert_eq!(gateway.look_up("e-1").json()["state"], "AWAITING_CALLBACK");
    let from_elsewhere = &[("X-Forwarded-For", "127.0.0.77")];
    assert_eq!(status(&gateway, "127.0.0.5", from_elsewhere), 200, "its own header is not believed either");
    assert_eq!(gateway.look_up("e-1").json()["state"], "SETTLED");
}

#[test]
fn a_trusted_proxy_is_believed_from_the_right() {
    let (_xceed, gateway) = start("server.trusted_proxies = [\"127.0.0.9/32\", \"127.0.0.10/32\"]");
    let proxied = |headers: &[(&str, &str)]| status(&gateway, "127.0.0.9", headers);
    for refused in [
        "127.0.0.77",
        "127.0.0.5, 127.0.0.77",
        "127.0.0.5, 127.0.0.77, 127.0.0.10",
        "unknown",
        "127.0.0.5, unknown",
        "127.0.0.5,",
        "127.0.0.10",
    ] {
        assert_eq!(proxied(&[("X-Forwarded-For", refused)]), 403, "{refused}");
    }
    assert_eq!(proxied(&[]), 403, "the proxy is not Xceed");
    let lines = [("X-Forwarded-For", "127.0.0.5"), ("X-Forwarded-For", "127.0.0.77")];
    assert_eq!(proxied(&lines), 403, "the last line counts");
    let both = [("X-Forwarded-For", "127.0.0.5"), ("Forwarded", "for=127.0.0.77")];
    assert_eq!(proxied(&both), 403, "nothing tells which of the two the proxy wrote");
    for headers in SPOOFED {
        assert_eq!(status(&gateway, "127.0.0.77", headers), 403, "{headers:?} from a stranger");
    }
    assert_eq!(gateway.look_up("e-1").json()["state"], "AWAITING_CALLBACK");
    for taken in
        ["127.0.0.5", "127.0.0.77, 127.0.0.5", "127.0.0.77, 127.0.0.5, 127.0.0.10", "::ffff:127.0.0.5"]
    {
        assert_eq!(proxied(&[("X-Forwarded-For", taken)]), 200, "{taken}");
    }
    assert_eq!(proxied(&[("Forwarded", "for=127.0.0.77, for=\"127.0.0.5:4711\";proto=https")]), 200);
    assert_eq!(gateway.look_up("e-1").json()["state"], "SETTLED");
}

#[test]
fn each_tenant_says_who_calls_it_back_also_where_two_share_an_id() {
    let allow = |tenant: Tenant, network: &str| {
        tenant.with(&format!("[xceed]\ncallback_id = \"gw1\"\ncallback_allow = [\"{network}\"]"))
    };
    let tenants = [
        allow(Tenant::first_bank(), "127.0.0.5/32"),
        allow(Tenant::new("second-bank", 310_031).secret("99999999aaaaaaaa"), "127.0.0.6/32"),
    ];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let event = customer_event("e-1", "SIM-CALLBACK-NEVER").to_string();
    for tenant in ["first-bank", "second-bank"] {
        let caller = gateway.caller_of(tenant);
        assert_eq!(caller.submit_with("?mode=async", &[], event.clone()).status, 202);
        caller.until_state("e-1", "AWAITING_CALLBACK");
    }
    let first = Callback::of("e-1");
    let second = Callback {
        service_id: "310031".to_owned(),
        secret: "99999999aaaaaaaa".to_owned(),
        ..Callback::of("e-1")
    };
    assert_eq!(send_from("127.0.0.6", gateway.address(), &first.request()).status, 500);
    assert_eq!(send_from("127.0.0.5", gateway.address(), &second.request()).status, 500);
    assert_eq!(send_from("127.0.0.7", gateway.address(), &second.request()).status, 403);
    assert_eq!(send_from("127.0.0.6", gateway.address(), &second.request()).status, 200);
    assert_eq!(gateway.caller_of("second-bank").look_up("e-1").json()["state"], "SETTLED");
    assert_eq!(gateway.look_up("e-1").json()["state"], "AWAITING_CALLBACK");
    assert_eq!(send_from("127.0.0.5", gateway.address(), &first.request()).status, 200);
    assert_eq!(gateway.look_up("e-1").json()["state"], "SETTLED");
}
