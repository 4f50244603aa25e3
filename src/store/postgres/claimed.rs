//! Deliveries as their gateway sends them, once it has claimed them.

use super::super::sealing::Sealer;
use super::batch::Turn;
use super::link::Link;
use super::reader::{Read, ask};
use super::{rows, statements};
use crate::application::ports::{Claimed, Delivery, Seq, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// The deliveries that are this gateway's now.
pub(super) async fn read_claimed(
    reads: Option<UnboundedSender<Read>>,
    turns: Vec<(Seq, Turn)>,
    sealer: &Sealer,
) -> Result<Vec<Claimed>, StoreError> {
    let mine: Vec<Seq> = turns.iter().filter(|(_, turn)| *turn == Turn::Mine).map(|(seq, _)| *seq).collect();
    let mut read: HashMap<Seq, Delivery> = HashMap::new();
    if !mine.is_empty() {
        let rows = ask(reads.as_ref(), move |link: Arc<Link>| async move {
            let rows = link.query(statements::DELIVERIES, &[&mine]).await?;
            Ok(rows.iter().filter_map(rows::delivery).collect::<Vec<_>>())
        });
        read.extend(rows.await?);
    }
    let claimed = turns.into_iter().map(|(seq, turn)| match turn {
        Turn::Later => Claimed::Later,
        Turn::Elsewhere => Claimed::Elsewhere,
        Turn::Gone => Claimed::Gone,
        Turn::Mine => read.remove(&seq).map_or(Claimed::Gone, |delivery| Claimed::Mine(Box::new(delivery))),
    });
    Ok(claimed.map(|claimed| sealer.open(claimed)).collect())
}
