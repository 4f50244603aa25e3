//! Tests of the simulator as a whole; each file's own are in the file.

mod callbacks;
mod codec;
mod control;
mod http;
mod judgement;
mod platforms;
mod wire;

use super::signature::Signed;
use super::{Running, Settings, Tenant, start};
use http::{Response, call};
use std::net::SocketAddr;
use std::sync::Arc;

const SECRET: &str = "311a5439c8bda8ef";
const NEXT_SECRET: &str = "00000000000000ff";

/// One tenant with two keys, and a validator that finds every `<Bad/>` invalid.
fn settings() -> Settings {
    let tenant = Tenant {
        platform_id: "3".to_owned(),
        service_id: "210021".to_owned(),
        secret_keys: vec![SECRET.to_owned(), NEXT_SECRET.to_owned()],
        channels: vec!["Wire".to_owned(), "ACH".to_owned()],
    };
    let validate = |_: &str, payload: &str| {
        let events = payload.split("<Event>").skip(1);
        let bad = events.filter(|event| event.contains("<Bad/>"));
        // An event begins with its id, in angle brackets of its own.
        let id = |event: &str| event.split(['<', '>']).nth(2).map(str::to_owned);
        bad.map(|event| (id(event), "Bad is not expected".to_owned())).collect()
    };
    let bind = "127.0.0.1:0".parse().unwrap();
    let versions = vec!["1.0".to_owned(), "1.1".to_owned()];
    let nobody = Some("http://127.0.0.1:9/xceed/callback".to_owned());
    Settings { callback_base: nobody, ..Settings::new(bind, vec![tenant], versions, Arc::new(validate)) }
}

async fn simulator() -> Running {
    start(settings()).await.unwrap()
}

/// A login of this customer, whose event is called `e-1`.
fn login(customer: &str) -> String {
    draft(&[event("e-1", customer)]).envelope()
}

async fn post(address: SocketAddr, customer: &str) -> Response {
    call(address, "POST", "/xceed", &login(customer)).await
}

/// A request under construction, written without the codec that will read it.
#[derive(Clone)]
struct Draft {
    operation: &'static str,
    platform_id: &'static str,
    channel: &'static str,
    response_required: bool,
    num_events: usize,
    payload: String,
    secret: &'static str,
}

/// One event of a customer, an ordinary login.
fn event(id: &str, customer: &str) -> String {
    format!(
        "<Event><EventId>{id}</EventId><EventType>Login</EventType>\
         <CustomerId>{customer}</CustomerId></Event>"
    )
}

fn draft(events: &[String]) -> Draft {
    let events = (events.len(), events.concat());
    Draft {
        operation: "addEvent",
        platform_id: "3",
        channel: "Wire",
        response_required: true,
        num_events: events.0,
        payload: format!("<Events xmlns=\"urn:xceed:events:1.0\" version=\"1.0\">{}</Events>", events.1),
        secret: SECRET,
    }
}

impl Draft {
    fn hash_key(&self) -> String {
        let signed = Signed {
            platform_id: self.platform_id,
            service_id: "210021",
            channel: self.channel,
            payload: &self.payload,
            callback_id: (self.operation == "addAsyncEvent").then_some("cb-7"),
        };
        signed.hash_key(self.secret)
    }

    fn envelope(&self) -> String {
        let Self { operation, platform_id, channel, response_required, .. } = self;
        let (before, after) = match *operation {
            "addEvent" => {
                let required = format!("<responseRequired>{response_required}</responseRequired>");
                (required, String::new())
            }
            "addAsyncEvent" => (String::new(), "<callbackId>cb-7</callbackId>".to_owned()),
            _ => (format!("<numEvents>{}</numEvents>", self.num_events), String::new()),
        };
        let payload = self.payload.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let hash_key = self.hash_key();
        format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body>\
             <{operation} xmlns=\"urn:xceed:api:1.0\"><platformId>{platform_id}</platformId>\
             <serviceId>210021</serviceId><channel>{channel}</channel>{before}\
             <payLoad>{payload}</payLoad>{after}<hashKey>{hash_key}</hashKey></{operation}>\
             </e:Body></e:Envelope>"
        )
    }
}
