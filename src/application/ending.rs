//! The end of a gateway, in stages: from the first one on nothing new is taken in, at the last one nobody waits any
//! longer for what may be long in coming. What is under way goes on until it has ended.

use tokio::sync::watch;

/// How far a gateway is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    Draining,
    Closing,
}

/// Whether a gateway ends, as all its threads see it.
#[derive(Debug)]
pub struct Ending(watch::Sender<Stage>);

impl Default for Ending {
    fn default() -> Self {
        Self(watch::Sender::new(Stage::Open))
    }
}

impl Ending {
    /// From now on nothing new is taken in.
    pub fn begin(&self) {
        self.reach(Stage::Draining);
    }

    /// From now on nobody waits for what somebody else may bring some day.
    pub fn close(&self) {
        self.reach(Stage::Closing);
    }

    /// Whether nothing new is taken in.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow() >= Stage::Draining
    }

    /// Whether nobody waits any longer.
    pub fn is_closing(&self) -> bool {
        *self.0.borrow() >= Stage::Closing
    }

    /// Until nothing new is taken in.
    pub async fn begun(&self) {
        self.reached(Stage::Draining).await;
    }

    /// Until nobody waits any longer.
    pub async fn closing(&self) {
        self.reached(Stage::Closing).await;
    }

    /// There is no way back.
    fn reach(&self, stage: Stage) {
        self.0.send_modify(|now| *now = stage.max(*now));
    }

    async fn reached(&self, stage: Stage) {
        // The sender is here, so the wait ends with the stage alone.
        let _ = self.0.subscribe().wait_for(|now| *now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn the_stages_come_one_after_the_other_and_none_is_taken_back() {
        let ending = Ending::default();
        let soon = Duration::from_millis(1);
        assert!(!ending.has_begun() && timeout(soon, ending.begun()).await.is_err());
        ending.begin();
        assert!(ending.has_begun() && !ending.is_closing());
        assert!(timeout(soon, ending.begun()).await.is_ok());
        assert!(timeout(soon, ending.closing()).await.is_err());
        ending.close();
        ending.begin();
        assert!(ending.is_closing() && timeout(soon, ending.closing()).await.is_ok());
    }
}
