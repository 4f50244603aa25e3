//! What was brought to the platforms, in order, and what stands in each interaction now. Bounded: the newest 100 000
//! requests and at most 64 MiB of them, and the newest 100 000 interactions.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

const LANDINGS_MAX: usize = 100_000;
const BYTES_MAX: usize = 64 << 20;
const INTERACTIONS_MAX: usize = 100_000;
/// Signals that are kept of one interaction.
const SIGNALS_MAX: usize = 100;

/// One request, whatever it was answered.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Landing {
    pub(super) seq: u64,
    /// `cxone-patch`, `cxone-signal`, `genesys-attributes`, `genesys-conversation`, `webhook`.
    pub(super) what: &'static str,
    /// The interaction, or the webhook's name.
    pub(super) id: String,
    pub(super) participant: Option<String>,
    pub(super) status: u16,
    /// The parameters of a signal, the headers of a webhook.
    pub(super) parameters: Map<String, Value>,
    /// The body as it came.
    pub(super) body: String,
    /// Whether a signature is genuine; null where there is nothing to verify with.
    pub(super) verified: Option<bool>,
    pub(super) at: String,
}

/// What stands in an interaction.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Interaction {
    /// Of the interaction itself.
    pub(super) attributes: Map<String, Value>,
    /// Of those who take part in it.
    pub(super) participants: HashMap<String, Map<String, Value>>,
    /// What it was signalled, in order.
    pub(super) signals: VecDeque<Map<String, Value>>,
}

#[derive(Default)]
pub(super) struct Landed {
    landings: VecDeque<Arc<Landing>>,
    bytes: usize,
    last_seq: u64,
    interactions: HashMap<String, Interaction>,
    order: VecDeque<String>,
}

impl Landed {
    pub(super) fn note(&mut self, mut landing: Landing) {
        self.last_seq += 1;
        landing.seq = self.last_seq;
        landing.at = jiff::Timestamp::now().to_string();
        self.bytes += landing.weight();
        self.landings.push_back(Arc::new(landing));
        while self.landings.len() > LANDINGS_MAX || (self.bytes > BYTES_MAX && self.landings.len() > 1) {
            let Some(oldest) = self.landings.pop_front() else { return };
            self.bytes -= oldest.weight();
        }
    }

    /// Those behind this number, in order.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Vec<Arc<Landing>> {
        self.landings.iter().filter(|landing| landing.seq > seq).take(limit).cloned().collect()
    }

    pub(super) fn interaction(&self, id: &str) -> Option<&Interaction> {
        self.interactions.get(id)
    }

    /// Sets attributes, of the interaction or of somebody in it.
    pub(super) fn set(&mut self, id: &str, participant: Option<&str>, attributes: Map<String, Value>) {
        let interaction = self.entry(id);
        let place = match participant {
            Some(participant) => interaction.participants.entry(participant.to_owned()).or_default(),
            None => &mut interaction.attributes,
        };
        place.extend(attributes);
    }

    pub(super) fn signal(&mut self, id: &str, parameters: Map<String, Value>) {
        let interaction = self.entry(id);
        interaction.signals.push_back(parameters);
        if interaction.signals.len() > SIGNALS_MAX {
            interaction.signals.pop_front();
        }
    }

    /// Forgets everything; numbers go on.
    pub(super) fn clear(&mut self) {
        *self = Self { last_seq: self.last_seq, ..Self::default() };
    }

    fn entry(&mut self, id: &str) -> &mut Interaction {
        if !self.interactions.contains_key(id) {
            self.order.push_back(id.to_owned());
            if self.order.len() > INTERACTIONS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.interactions.remove(&oldest);
            }
        }
        self.interactions.entry(id.to_owned()).or_default()
    }
}

impl Landing {
    /// About what it takes in memory.
    fn weight(&self) -> usize {
        let parameters = self.parameters.iter().map(|(name, value)| name.len() + value.to_string().len());
        512 + self.id.len() + self.body.len() + parameters.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_numbers_go_on() {
        let mut landed = Landed::default();
        for n in 0..=INTERACTIONS_MAX {
            landed.note(Landing { id: n.to_string(), ..Landing::default() });
            landed.set(&n.to_string(), None, Map::new());
        }
        assert_eq!(landed.after(0, 1)[0].id, "1");
        assert!(landed.interaction("0").is_none() && landed.interaction("1").is_some());
        landed.clear();
        landed.note(Landing::default());
        assert_eq!(landed.after(0, 9)[0].seq, LANDINGS_MAX as u64 + 2);
        landed.note(Landing { body: " ".repeat(BYTES_MAX), ..Landing::default() });
        assert_eq!(landed.after(0, 9).len(), 1, "the large one alone");
    }
}
