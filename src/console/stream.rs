//! Decisions as they fall, by server-sent events: the lines of the table, whenever they have changed.

use super::events::Line;
use super::now::latest;
use super::{guest, signed_in};
use crate::application::gateway::Desk;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Template)]
#[template(path = "lines.html")]
struct Lines {
    lines: Vec<Line>,
}

pub(super) async fn follow(request: HttpRequest) -> HttpResponse {
    if let Err(refused) = signed_in(&request) {
        return *refused;
    }
    let pieces = unfold((request, String::new()), |(request, before)| async move {
        sleep(LOOK).await;
        // It ends with the session, and with the gateway.
        guest(&request, false)?;
        let desk = request.app_data::<Desk>().filter(|desk| !desk.gateway.ending.has_begun())?;
        let lines = Lines { lines: latest(&desk.gateway).await };
        let text = lines.render().ok()?;
        let is_new = text != before;
        let piece = if is_new {
            format!("event: lines\ndata: {}\n\n", text.replace('\n', " "))
        } else {
            ": still here\n\n".to_owned()
        };
        Some((Ok::<_, Infallible>(Bytes::from(piece)), (request, text)))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(pieces)
}
