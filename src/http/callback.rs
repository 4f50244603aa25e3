//! Where Xceed calls back, and the WSDL that says how. Checks go from cheap to dear; whoever is refused after the
//! address hears one and the same thing, and nothing changes.

use super::body::arrived;
use super::doors::doors;
use crate::application::accept_callback::{Verified, accept};
use crate::application::gateway::{Desk, Gateway};
use crate::domain::identifiers::TenantName;
use crate::xceed::callback::{Callbacks, EventResult};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// The largest callback, in bytes.
const SIZE_MAX: usize = 256 * 1024;
const MEDIA_TYPE: &str = "text/xml; charset=utf-8";

/// The WSDL, with the address that callers reach us by.
#[derive(Clone, Debug)]
pub(super) struct Wsdl(pub(super) web::Bytes);

impl Wsdl {
    /// Puts the address in the place of the one that the file has.
    pub(super) fn at(address: &str, text: &str) -> Self {
        let address = quick_xml::escape::escape(address);
        let placeholder = regex::Regex::new(r#"(<\w+:address\s+location=")[^"]*"#).expect("a sound pattern");
        let text = placeholder.replace(text, |found: &regex::Captures<'_>| format!("{}{address}", &found[1]));
        Self(web::Bytes::from(text.into_owned()))
    }
}

/// `GET /xceed/callback?wsdl`
pub(super) async fn wsdl(request: HttpRequest) -> HttpResponse {
    match doors(&request) {
        Some(doors) => {
            let Wsdl(text) = doors.wsdl.clone();
            HttpResponse::Ok().insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).body(text)
        }
        None => super::problem::not_found().await,
    }
}

/// `POST /xceed/callback/{callbackId}`; without an id it is refused like one with an unknown id.
pub(super) async fn receive(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let (Some(desk), Some(doors)) = (request.app_data::<Desk>(), doors(&request)) else {
        return super::problem::not_found().await;
    };
    // The body may be long in coming: nothing is kept from being swapped meanwhile.
    let (callbacks, peers) = (doors.callbacks.clone(), doors.peers.clone());
    drop(doors);
    let callback_id = request.match_info().get("callbackId").unwrap_or_default();
    let may_call = |tenant: &&TenantName| peers.allow(&request, tenant);
    let tenants: Vec<_> = callbacks.tenants(callback_id).filter(may_call).collect();
    let known = callbacks.tenants(callback_id).next().is_some();
    // An id that nobody has: only who may call back anybody hears that it is refused.
    if tenants.is_empty() && (known || !callbacks.all_tenants().any(|tenant| may_call(&tenant))) {
        tracing::warn!("a callback from an address that is not allowed was refused");
        desk.gateway.store.refused("address");
        return HttpResponse::Forbidden().insert_header((header::CONNECTION, "close")).finish();
    }
    let body = match arrived(&request, payload, SIZE_MAX).await {
        Ok(body) if is_soap(&request) => body,
        _ => return refused(desk, "size, media type or time"),
    };
    let Some(result) = callbacks.read(callback_id, &body) else { return refused(desk, "form") };
    match verify(&desk.gateway, &callbacks, (callback_id, &tenants), result).await {
        Ok(Some(verified)) => match accept(&desk.gateway, verified).await {
            Ok(_) => acknowledged(&callbacks),
            Err(_) => HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "1")).finish(),
        },
        Ok(None) => refused(desk, "event or signature"),
        Err(_) => HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "1")).finish(),
    }
}

/// The event that the callback is about, where one of these tenants has it and the signature is its Xceed's.
async fn verify(
    gateway: &Gateway,
    callbacks: &Callbacks,
    (callback_id, tenants): (&str, &[&TenantName]),
    result: EventResult,
) -> Result<Option<Verified>, crate::application::ports::StoreError> {
    for &name in tenants {
        let Some(awaited) = gateway.store.awaited(name, &result.event_id).await? else {
            // An event that is not known takes as long as one that is.
            let _ = callbacks.is_signed(name, "", &result);
            continue;
        };
        let Some(tenant) = gateway.tenants.get(name) else { continue };
        if awaited.callback_id == callback_id && callbacks.is_signed(name, &awaited.channel, &result) {
            let EventResult { event_id, said, results, .. } = result;
            return Ok(Some(Verified { tenant, event_id, awaited, said, results }));
        }
    }
    Ok(None)
}

fn is_soap(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let charset = |part: &str| part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned());
    parts.next() == Some("text/xml")
        && parts.filter_map(charset).all(|name| name == "utf-8")
        && !request.headers().contains_key(header::CONTENT_ENCODING)
}

fn acknowledged(callbacks: &Callbacks) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, MEDIA_TYPE)).body(callbacks.acknowledgement())
}

/// `why` is for the log and the audit trail alone.
fn refused(desk: &Desk, why: &'static str) -> HttpResponse {
    tracing::warn!(why, "a callback was refused");
    desk.gateway.store.refused(why);
    HttpResponse::InternalServerError()
        .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((header::CONNECTION, "close"))
        .body(Callbacks::refusal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, text: &str) -> String {
        String::from_utf8(Wsdl::at(address, text).0.to_vec()).expect("UTF-8")
    }

    #[test]
    fn the_wsdl_has_our_address_in_the_place_of_its_own_and_is_otherwise_as_it_was() {
        let sets = [
            include_str!("../../xsd/api/callback.wsdl"),
            include_str!("../../fixtures/foreign/xsd/api/callback.wsdl"),
        ];
        for text in sets {
            let placed = at("https://gateway.example/xceed/callback/gw1", text);
            assert_eq!(placed.matches("location=\"https://gateway.example/xceed/callback/gw1\"").count(), 1);
            let back = placed.replace(
                "https://gateway.example/xceed/callback/gw1",
                "http://127.0.0.1:8080/xceed/callback",
            );
            assert_eq!(back, text);
        }
    }

    #[test]
    fn an_address_is_text_in_the_wsdl_whatever_it_holds() {
        let wsdl = "<s:address location=\"x\"/><other location=\"y\"/>";
        let placed = at("https://g/$1?a=\"&<b>", wsdl);
        assert_eq!(
            placed,
            "<s:address location=\"https://g/$1?a=&quot;&amp;&lt;b&gt;\"/><other location=\"y\"/>"
        );
        assert_eq!(
            at("https://g", "<soap:address\n  location=\"x\"/>"),
            "<soap:address\n  location=\"https://g\"/>"
        );
    }

    #[test]
    fn soap_is_xml_in_utf_8_and_nothing_else() {
        let is = |name: &str, value: &str| {
            let request = actix_web::test::TestRequest::post().insert_header((name, value)).to_http_request();
            is_soap(&request)
        };
        for good in
            ["text/xml", "text/xml; charset=utf-8", "TEXT/XML;charset=\"UTF-8\"", "text/xml; action=\"a\""]
        {
            assert!(is("Content-Type", good), "{good}");
        }
        for bad in ["", "text/xml; charset=utf-16", "application/xml", "text/xmlx", "text/xml, text/xml"] {
            assert!(!is("Content-Type", bad), "{bad}");
        }
        assert!(!is("Accept", "text/xml"), "without a media type");
    }
}
