//! The heart: says each second that this gateway is alive, tells other gateways what has been decided, and hears it
//! from them.

use super::link::{Heard, Link, answer};
use super::news::News;
use super::shared::Shared;
use super::statements::{BEAT, NOTIFY};
use crate::application::ports;
use crate::application::ports::{Listener, StoreError};
use crate::domain::identifiers::{EventId, TenantName};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

const EVERY: Duration = Duration::from_secs(1);
/// A gateway that has said nothing for so long is gone; in microseconds.
pub(super) const ALIVE: i64 = 5_000_000;
const PAUSE: Duration = Duration::from_millis(250);

/// The heart.
pub(super) struct Heart {
    pub(super) shared: Arc<Shared>,
    /// What others are told.
    pub(super) news: UnboundedReceiver<Vec<String>>,
    /// Who hears of the others' decisions.
    pub(super) listener: Arc<Mutex<Option<Listener>>>,
}

impl Heart {
    /// Beats until nobody writes any more.
    pub(super) async fn run(mut self) {
        loop {
            let ended = match self.shared.link().await {
                Ok((link, heard)) => self.beat(&link, heard).await,
                Err(error) => Err(error),
            };
            if ended.is_ok() {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// An error where the connection has to be made again.
    async fn beat(&mut self, link: &Link, mut heard: Heard) -> Result<(), StoreError> {
        let listen = "LISTEN xceed_gateway; SET synchronous_commit = off";
        answer(link, link.client.batch_execute(listen)).await?;
        let number = self.shared.number.get().copied().unwrap_or_default();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    let rows = answer(link, link.query(BEAT, &[&number, &ALIVE])).await?;
                    self.shared.in_company(rows.first().is_some_and(|row| row.get::<_, i64>(0) > 0));
                }
                text = heard.recv() => match text {
                    Some(text) => self.hear(&text),
                    None => return Err(StoreError("the connection is lost".to_owned())),
                },
                news = self.news.recv() => match news {
                    Some(news) => answer(link, link.query(NOTIFY, &[&news])).await.map(drop)?,
                    None => return Ok(()),
                },
            }
        }
    }

    fn hear(&self, text: &str) {
        let news = match News::read(text) {
            Some(News::Decided { tenant, event_id }) => {
                let Some(id) = EventId::parse(&event_id) else { return };
                ports::News::Decided(TenantName::new(&tenant), id)
            }
            Some(News::Hurry { owner, seq }) if self.shared.number.get() == Some(&owner) => {
                ports::News::Hurry(seq)
            }
            _ => return,
        };
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            listener(news);
        }
    }
}
