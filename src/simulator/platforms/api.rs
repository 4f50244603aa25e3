//! The platforms' APIs, as far as decisions come back through them: attributes of an interaction, the signal to a live
//! contact, attributes of a participant.

use super::Platforms;
use super::landed::Landing;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/.well-known/openid-configuration", web::get().to(open_id))
        .route("/.well-known/cxone-configuration", web::get().to(discovery))
        .route("/api/v2/interactions/{id}", web::patch().to(patch))
        .route("/inContactAPI/services/{version}/interactions/{id}/signal", web::post().to(signal))
        .route("/api/v2/conversations/{id}", web::get().to(conversation))
        .route(
            "/api/v2/conversations/{id}/participants/{participant}/attributes",
            web::patch().to(attributes),
        );
}

/// CXone: where tokens are.
async fn open_id(request: HttpRequest) -> HttpResponse {
    let here = here(&request);
    HttpResponse::Ok().json(json!({ "issuer": here, "token_endpoint": format!("{here}/auth/token") }))
}

/// CXone: where a tenant's API is.
async fn discovery(request: HttpRequest, query: Query<BTreeMap<String, String>>) -> HttpResponse {
    match query.get("tenantId") {
        Some(id) if !id.is_empty() => {
            let here = here(&request);
            HttpResponse::Ok().json(json!({ "tenantId": id, "api_endpoint": here, "auth_endpoint": here }))
        }
        _ => HttpResponse::BadRequest().json(json!({ "message": "tenantId is missing" })),
    }
}

fn here(request: &HttpRequest) -> String {
    format!("http://{}", request.connection_info().host())
}

/// CXone: attributes of an interaction.
async fn patch(
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
    platforms: Data<Platforms>,
) -> HttpResponse {
    let landing = landing("cxone-patch", &id, &body);
    bring(&platforms, &request, landing, || {
        let attributes = read(&body, |_| true)?;
        platforms.known().landed.set(&id, None, attributes);
        Some(HttpResponse::Ok().json(json!({ "interactionId": *id })))
    })
    .await
}

/// CXone: parameters for a live contact.
async fn signal(
    request: HttpRequest,
    place: Path<(String, String)>,
    query: Query<BTreeMap<String, String>>,
    platforms: Data<Platforms>,
) -> HttpResponse {
    let (_, id) = place.into_inner();
    let parameters: Map<String, Value> =
        query.into_inner().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let landing = Landing { parameters: parameters.clone(), ..landing("cxone-signal", &id, b"") };
    bring(&platforms, &request, landing, || {
        // p1 to p9 are all that there is.
        let known = |name: &String| {
            matches!(name.as_bytes(), [b'p', digit] if digit.is_ascii_digit() && *digit != b'0')
        };
        parameters.keys().all(known).then(|| {
            platforms.known().landed.signal(&id, parameters.clone());
            HttpResponse::Accepted().finish()
        })
    })
    .await
}

/// Genesys: who takes part.
async fn conversation(request: HttpRequest, id: Path<String>, platforms: Data<Platforms>) -> HttpResponse {
    bring(&platforms, &request, landing("genesys-conversation", &id, b""), || {
        let participant = |purpose: &str| json!({ "id": format!("{id}-{purpose}"), "purpose": purpose });
        Some(HttpResponse::Ok().json(
            json!({ "id": *id, "participants": [participant("ivr"), participant("customer"), participant("agent")] }),
        ))
    })
    .await
}

/// Genesys: attributes of one who takes part.
async fn attributes(
    request: HttpRequest,
    place: Path<(String, String)>,
    body: Bytes,
    platforms: Data<Platforms>,
) -> HttpResponse {
    let (id, participant) = place.into_inner();
    let landing =
        Landing { participant: Some(participant.clone()), ..landing("genesys-attributes", &id, &body) };
    bring(&platforms, &request, landing, || {
        let attributes = read(&body, Value::is_string)?;
        platforms.known().landed.set(&id, Some(&participant), attributes);
        Some(HttpResponse::Ok().json(json!({})))
    })
    .await
}

fn landing(what: &'static str, id: &str, body: &[u8]) -> Landing {
    let body = String::from_utf8_lossy(body).into_owned();
    Landing { what, id: id.to_owned(), body, ..Landing::default() }
}

/// `{"attributes": {…}}`, whose values are as they must be.
fn read(body: &[u8], is_value: impl Fn(&Value) -> bool) -> Option<Map<String, Value>> {
    let Value::Object(mut whole) = serde_json::from_slice(body).ok()? else { return None };
    let Some(Value::Object(attributes)) = whole.remove("attributes") else { return None };
    (whole.is_empty() && attributes.values().all(is_value)).then_some(attributes)
}

/// Takes a request, where nothing else is told and its token is good.
async fn bring(
    platforms: &Platforms,
    request: &HttpRequest,
    landing: Landing,
    take: impl FnOnce() -> Option<HttpResponse>,
) -> HttpResponse {
    let mut answer = platforms.known().told.api.next();
    answer.status = answer.status.or_else(|| Platforms::asked_by(&landing.id));
    let usual = if !platforms.tokens.admit(request) {
        HttpResponse::Unauthorized().json(json!({ "message": "the token is not good" }))
    } else if answer.status.is_some_and(|status| status >= 300) {
        HttpResponse::Ok().finish()
    } else {
        let malformed = || HttpResponse::BadRequest().json(json!({ "message": "malformed" }));
        take().unwrap_or_else(malformed)
    };
    platforms.answer(answer, landing, usual).await
}
