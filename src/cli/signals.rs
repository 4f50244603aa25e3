//! SIGTERM and SIGINT: the first one asks the process to end in good order, the second one ends it at once. One that
//! comes during the start, before anything was promised, ends it at once as well. SIGHUP asks to read the configuration
//! anew.

use super::shell::Failed;
use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use tokio::sync::{Notify, oneshot};

/// All signals, in the hands of a thread of its own, so that no work delays them.
pub(super) struct Signals {
    serves: Arc<AtomicBool>,
    asked: oneshot::Receiver<()>,
    hangups: Arc<Notify>,
}

impl Signals {
    /// Takes the signals over from the system.
    pub(super) fn take() -> Result<Self, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failed::because)?;
        let taken = {
            let _inside = runtime.enter();
            signal(SignalKind::terminate()).and_then(|terminate| {
                Ok((terminate, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?))
            })
        };
        let (terminate, interrupt, hangup) = taken.map_err(Failed::because)?;
        let (ask, asked) = oneshot::channel();
        let (serves, hangups) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (flag, told) = (serves.clone(), hangups.clone());
        let work = move || {
            runtime.spawn(pass_on(hangup, told));
            runtime.block_on(obey((terminate, interrupt), &flag, ask));
        };
        thread::Builder::new().name("signals".to_owned()).spawn(work).map_err(Failed::because)?;
        Ok(Self { serves, asked, hangups })
    }

    /// Is told each time that the configuration is to be read anew.
    pub(super) fn hangups(&self) -> Arc<Notify> {
        self.hangups.clone()
    }

    /// The start is over. Resolves once the process is asked to end.
    pub(super) fn serving(self) -> impl Future<Output = ()> {
        self.serves.store(true, SeqCst);
        // The thread that asks lives as long as the process.
        async move { self.asked.await.unwrap_or_default() }
    }
}

async fn pass_on(mut hangup: Signal, told: Arc<Notify>) {
    while hangup.recv().await.is_some() {
        told.notify_one();
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
