//! Reads, each one query by key, on connections of their own. A read that has begun is never broken off half way: who
//! asked may leave, and a database that is silent loses the connection with all that waits on it.

use super::link::{Link, answer};
use super::shared::Shared;
use crate::application::ports::{Local, StoreError};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_postgres::Error;

/// Connections that share the reads.
const LINKS: usize = 3;
/// How often a connection that is missing is tried.
const PAUSE: Duration = Duration::from_millis(250);

type Reading = Pin<Box<dyn Future<Output = ()> + Send>>;
/// A read to be carried out on some connection; dropped where there is none.
pub(super) type Read = Box<dyn FnOnce(Arc<Link>) -> Reading + Send>;

/// Asks the readers.
pub(super) fn ask<T, F, R>(readers: Option<&UnboundedSender<Read>>, read: R) -> Local<Result<T, StoreError>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
    R: FnOnce(Arc<Link>) -> F + Send + 'static,
{
    let (done, asked) = oneshot::channel();
    let read: Read = Box::new(move |link: Arc<Link>| {
        Box::pin(async move {
            let read = answer(&link, read(link.clone())).await;
            let _ = done.send(read);
        })
    });
    if let Some(readers) = readers {
        let _ = readers.send(read);
    }
    let missing = || StoreError("the database is not there".to_owned());
    Box::pin(async move { asked.await.unwrap_or_else(|_| Err(missing())) })
}

/// Carries reads out until nobody asks any more.
pub(super) async fn run(shared: Arc<Shared>, mut reads: UnboundedReceiver<Read>) {
    let (opened, mut fresh) = unbounded_channel();
    let (mut links, mut turn, mut missing) = (Vec::<Arc<Link>>::new(), 0_usize, 0);
    let mut tried = None::<Instant>;
    loop {
        links.retain(|link| !link.is_closed());
        if links.len() + missing < LINKS && tried.is_none_or(|at| at.elapsed() >= PAUSE) {
            (missing, tried) = (missing + 1, Some(Instant::now()));
            let (shared, opened) = (shared.clone(), opened.clone());
            tokio::spawn(async move {
                let _ = opened.send(shared.link().await.map(|(link, _)| Arc::new(link)).ok());
            });
            if links.len() + missing < LINKS {
                tried = None;
                continue;
            }
        }
        tokio::select! {
            biased;
            Some(link) = fresh.recv() => {
                missing -= 1;
                links.extend(link);
            }
            read = reads.recv(), if !links.is_empty() || missing == 0 => match read {
                None => return,
                Some(read) => {
                    turn += 1;
                    // Without a connection the read is dropped, and who asked hears so.
                    if let Some(link) = links.get(turn % links.len().max(1)) {
                        tokio::spawn(read(link.clone()));
                    }
                }
            },
            () = tokio::time::sleep(PAUSE), if links.len() + missing < LINKS => {}
        }
    }
}
