//! The doors by which the platforms are told what to do and asked what came.

use super::Platforms;
use super::told::Told;
use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;
use serde_json::json;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/_sim/platform", web::get().to(show))
        .route("/_sim/platform", web::put().to(tell))
        .route("/_sim/platform", web::delete().to(forget))
        .route("/_sim/interactions/{id}", web::get().to(interaction));
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

async fn show(platforms: Data<Platforms>, page: Query<Page>) -> impl Responder {
    let (told, landed) = {
        let known = platforms.known();
        (known.told.clone(), known.landed.after(page.after, page.limit.unwrap_or(1000)))
    };
    let landed: Vec<_> = landed.iter().map(|landing| json!(**landing)).collect();
    HttpResponse::Ok().json(json!({ "tokens": platforms.tokens.asked(), "told": told, "landed": landed }))
}

async fn tell(platforms: Data<Platforms>, body: Bytes) -> impl Responder {
    match serde_json::from_slice::<Told>(&body) {
        Ok(mut told) => {
            if std::mem::take(&mut told.token.revoke) {
                platforms.tokens.revoke();
            }
            let mut known = platforms.known();
            if let Some(secrets) = told.webhook_secrets.take() {
                known.secrets = secrets;
            }
            let answer = HttpResponse::Ok().json(&told);
            known.told = told;
            answer
        }
        Err(error) => HttpResponse::BadRequest().body(format!("not a behaviour: {error}\n")),
    }
}

/// What came is forgotten, and all is as usual again; tokens stay good.
async fn forget(platforms: Data<Platforms>) -> impl Responder {
    platforms.tokens.forget();
    let mut known = platforms.known();
    known.landed.clear();
    known.told = Told::default();
    HttpResponse::NoContent()
}

async fn interaction(platforms: Data<Platforms>, id: Path<String>) -> impl Responder {
    match platforms.known().landed.interaction(&id) {
        Some(interaction) => HttpResponse::Ok().json(interaction),
        None => HttpResponse::NotFound().body("nothing was brought into this interaction\n"),
    }
}
