//! SIGTERM and SIGINT: the first one asks the process to end in good order, the second one ends it at once. One that
//! comes during the start, before anything was promised, ends it at once as well.

use super::shell::Failed;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use tokio::sync::oneshot;

/// Both signals, in the hands of a thread of its own, so that no work delays them.
pub(super) struct Signals {
    serves: Arc<AtomicBool>,
    asked: oneshot::Receiver<()>,
}

impl Signals {
    /// Takes the signals over from the system.
    pub(super) fn take() -> Result<Self, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failed::because)?;
        let both = {
            let _inside = runtime.enter();
            signal(SignalKind::terminate()).and_then(|one| Ok((one, signal(SignalKind::interrupt())?)))
        };
        let both = both.map_err(Failed::because)?;
        let (ask, asked) = oneshot::channel();
        let serves = Arc::new(AtomicBool::new(false));
        let flag = serves.clone();
        let obey = move || runtime.block_on(obey(both, &flag, ask));
        thread::Builder::new().name("signals".to_owned()).spawn(obey).map_err(Failed::because)?;
        Ok(Self { serves, asked })
    }

    /// The start is over. Resolves once the process is asked to end.
    pub(super) fn serving(self) -> impl Future<Output = ()> {
        self.serves.store(true, SeqCst);
        // The thread that asks lives as long as the process.
        async move { self.asked.await.unwrap_or_default() }
    }
}

async fn obey(mut both: (Signal, Signal), serves: &AtomicBool, ask: oneshot::Sender<()>) {
    next(&mut both).await;
    if !serves.load(SeqCst) {
        tracing::info!("stopped during the start");
        process::exit(0);
    }
    let _ = ask.send(());
    next(&mut both).await;
    tracing::error!("ended at once; what was under way is looked at by the next start");
    process::exit(1);
}

async fn next((terminate, interrupt): &mut (Signal, Signal)) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
