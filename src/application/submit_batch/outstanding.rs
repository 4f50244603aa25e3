//! Records of a batch on their way to the disk, and what becomes of each.

use super::super::gateway::{Gateway, STORE_PATIENCE};
use super::super::ports::{Receipt, Recorded, Seq, StoreError};
use super::super::tickets::{Held, Word};
use super::{Halt, Intake};
use crate::domain::field::Fingerprint;
use crate::domain::identifiers::{CustomerId, EventId};
use std::sync::{Arc, PoisonError};
use tokio::time::timeout;

/// A record on its way to the disk.
pub(super) struct Outstanding {
    pub(super) line: u64,
    pub(super) seq: Seq,
    pub(super) id: EventId,
    pub(super) fingerprint: Fingerprint,
    pub(super) customer: Option<CustomerId>,
    pub(super) held: Held,
    pub(super) told: Vec<u8>,
    pub(super) receipt: Receipt<Recorded>,
}

impl Intake {
    /// Waits for a record, but not for ever.
    pub(super) async fn settle_in_time(&mut self, mut one: Outstanding) -> Result<(), Halt> {
        match timeout(STORE_PATIENCE, &mut one.receipt).await {
            Ok(written) => {
                let written =
                    written.unwrap_or_else(|_| Err(StoreError("the writer has stopped".to_owned())));
                self.settle(one, written).await
            }
            Err(_) => {
                one.held.ticket().say(Word::Failed);
                let (gateway, seq, receipt) = (self.desk.gateway.clone(), one.seq, one.receipt);
                // It may be on disk yet, and then it is sent.
                tokio::task::spawn_local(async move {
                    let is_there = matches!(receipt.await, Ok(Ok(Recorded::First | Recorded::Behind)));
                    if is_there { arrived(&gateway, seq) } else { leave(&gateway, seq) }
                });
                Err(Halt::Store)
            }
        }
    }

    pub(super) async fn settle(
        &mut self,
        one: Outstanding,
        written: Result<Recorded, StoreError>,
    ) -> Result<(), Halt> {
        let gateway = self.desk.gateway.clone();
        let Outstanding { line, seq, id, fingerprint, customer, held, told, .. } = one;
        match written {
            Ok(Recorded::First | Recorded::Behind | Recorded::Limited) => {
                gateway.relay.pool().recorded(seq);
                self.ready.push(seq);
                self.told.accepted += 1;
                if let Some(customer) = &customer {
                    let mut velocity = gateway.velocity.lock().unwrap_or_else(PoisonError::into_inner);
                    velocity.count(&self.tenant.name, customer, self.received_at);
                }
                held.ticket().say(Word::of(Ok(None), told, self.mode));
                Ok(())
            }
            Ok(Recorded::Known) => {
                leave(&gateway, seq);
                held.ticket().say(Word::Withdrawn);
                drop(held);
                match gateway.store.find(&self.tenant.name, &id, None).await? {
                    Some(known) if known.fingerprint != fingerprint => self.fail_as_another(line, &id),
                    Some(_) => self.told.duplicates += 1,
                    None => return Err(Halt::Store),
                }
                Ok(())
            }
            Err(_) => {
                leave(&gateway, seq);
                held.ticket().say(Word::Failed);
                Err(Halt::Store)
            }
        }
    }
}

fn arrived(gateway: &Arc<Gateway>, seq: Seq) {
    gateway.relay.pool().recorded(seq);
    gateway.relay.enqueue(seq, gateway.clock.now());
}

/// One that is not there is not waited for.
fn leave(gateway: &Gateway, seq: Seq) {
    gateway.relay.pool().forget(seq);
    gateway.lines.leave(seq, &gateway.relay, gateway.clock.now());
}
