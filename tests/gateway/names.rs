//! Xceed's name: what it stands for is asked of a name server, which may not know it, may be broken, or may say nothing. Nothing
//! has left then, so nothing is in doubt; callers hear the fallback in time, and all of it leaves once the name is known.

use crate::harness::{
    Authority, Clients, Config, Folder, Gateway, Simulator, Tenant, Time, behind_tls, customer_event,
    own_address, until,
};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread;

const NAME: &str = "xceed.bank.example";

/// How the name server is.
#[derive(Clone, Copy)]
enum Is {
    Silent,
    /// It says that there is no such name.
    Ignorant,
    /// It says that it failed.
    Failing,
    /// What it says is no answer.
    Strange,
    Well,
}

/// A name server that knows one name.
struct NameServer {
    is: Arc<AtomicU8>,
}

impl NameServer {
    /// `None` where nobody may listen there.
    fn start(address: IpAddr) -> Option<Self> {
        let socket = UdpSocket::bind((address, 53)).ok()?;
        let is = Arc::new(AtomicU8::new(Is::Silent as u8));
        let how = is.clone();
        thread::spawn(move || {
            let mut asked = [0; 512];
            while let Ok((length, whom)) = socket.recv_from(&mut asked) {
                if let Some(answer) = answer(&asked[..length], how.load(SeqCst)) {
                    let _ = socket.send_to(&answer, whom);
                }
            }
        });
        Some(Self { is })
    }

    fn is(&self, how: Is) {
        self.is.store(how as u8, SeqCst);
    }
}

/// RFC 1035: the head, the question as it came, and one address where one is asked for.
fn answer(asked: &[u8], how: u8) -> Option<Vec<u8>> {
    let question = asked.get(12..)?;
    let name = question.iter().position(|byte| *byte == 0)? + 1;
    let (question, kind) = (question.get(..name + 4)?, question.get(name + 1)?);
    let code = match how {
        how if how == Is::Silent as u8 => return None,
        how if how == Is::Strange as u8 => return Some([&asked[..2], b"no answer".as_slice()].concat()),
        how if how == Is::Ignorant as u8 => 3,
        how if how == Is::Failing as u8 => 2,
        _ => 0,
    };
    // An address of version 4; of version 6 it has none.
    let has_answer = code == 0 && *kind == 1;
    let head = [&asked[..2], &[0x81, 0x80 | code, 0, 1, 0, u8::from(has_answer), 0, 0, 0, 0]].concat();
    let mut answer = [&head, question].concat();
    if has_answer {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}

fn threads_of(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

#[test]
fn a_name_that_nobody_knows_costs_no_deadline_and_leaves_nothing_in_doubt() {
    let folder = Folder::new();
    let server = own_address().ip();
    let may_mount = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
    let (Some(names), true) = (NameServer::start(server), may_mount.is_ok_and(|status| status.success()))
    else {
        println!("SKIPPED: names are another server's to know: it needs root");
        return;
    };
    let authority = Authority::new("vendor");
    let (ca, resolver) = (folder.join("ca.pem"), folder.join("resolv.conf"));
    std::fs::write(&ca, &authority.cert).expect("the test's folder can be written");
    std::fs::write(&resolver, format!("nameserver {server}\n")).expect("the test's folder can be written");
    let more = format!(
        "xceed.tls = {{ ca = '{}' }}\nxceed.resend_in_doubt = false\npolicy.deadline_ms = 300",
        ca.display()
    );
    let tenant = || Tenant::first_bank().with(&more);
    let xceed = Simulator::start(&[tenant()]);
    let plain = xceed.platform().trim_start_matches("http://").parse().expect("an address");
    let address = behind_tls(plain, &authority.sign(NAME, Time::Now), Clients::All);
    let url = format!("https://{NAME}:{}/xceed", address.port());
    let own = format!("mount --bind {} $(readlink -f /etc/resolv.conf) && exec \"$@\"", resolver.display());
    let config = Config::new([tenant()], &url);
    let gateway = Gateway::start_under(config, &["unshare", "-m", "sh", "-c", &own, "sh"]);
    let idle = threads_of(gateway.id());
    for (n, (how, basis)) in [
        (Is::Ignorant, "transport"),
        (Is::Failing, "transport"),
        (Is::Strange, "transport"),
        (Is::Silent, "deadline"),
    ]
    .into_iter()
    .enumerate()
    {
        names.is(how);
        let told = gateway.submit(&customer_event(&format!("e-{n}"), &format!("C-{n}")));
        let told = (told.status, told.json());
        assert_eq!((told.0, &told.1["basis"]), (200, &json!(basis)), "{}", told.1);
    }
    names.is(Is::Well);
    for n in 0..4 {
        gateway.caller().until_state(&format!("e-{n}"), "SETTLED");
        assert_eq!(xceed.received_of(&format!("e-{n}")).len(), 1);
    }
    let told = gateway.submit(&customer_event("e-9", "C-9")).json();
    assert_eq!(told["outcome"], "SCORED", "{told}");
    // Whoever asks a name server waits in a thread, which is gone some seconds later.
    until("the threads of an idle gateway", || (threads_of(gateway.id()) <= idle + 2).then_some(()));
}
