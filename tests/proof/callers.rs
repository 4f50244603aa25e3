//! Calls by the thousand from one thread, over connections that are kept.

use crate::http::Connection;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

/// A call that is not answered by then is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether these are the words of an earlier answer.
    pub(crate) replayed: bool,
    pub(crate) body: Box<[u8]>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Connections to some gateways.
pub(crate) struct Lines {
    addresses: Vec<SocketAddr>,
    free: Vec<RefCell<Vec<Connection>>>,
}

impl Lines {
    pub(crate) fn to(addresses: &[SocketAddr]) -> Self {
        Self { addresses: addresses.to_vec(), free: addresses.iter().map(|_| RefCell::default()).collect() }
    }

    pub(crate) fn count(&self) -> usize {
        self.addresses.len()
    }

    /// One call, on a connection that nobody else uses meanwhile; on a new one where the kept one was closed meanwhile.
    pub(crate) async fn call(&self, gateway: usize, request: &[u8]) -> io::Result<Answer> {
        let kept = self.free[gateway].borrow_mut().pop();
        let exchanged = async {
            if let Some(connection) = kept
                && let Ok(answer) = self.exchange(gateway, connection, request).await
            {
                return Ok(answer);
            }
            let connection = Connection::open(self.addresses[gateway]).await?;
            self.exchange(gateway, connection, request).await
        };
        let timed = tokio::time::timeout(PATIENCE, exchanged).await;
        timed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn exchange(
        &self,
        gateway: usize,
        mut connection: Connection,
        request: &[u8],
    ) -> io::Result<Answer> {
        connection.write(request).await?;
        let message = connection.read().await?;
        let head = String::from_utf8_lossy(connection.head(&message)).to_ascii_lowercase();
        let answer = Answer {
            status: head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or_default(),
            replayed: head.contains("\r\nidempotency-replayed: true"),
            body: connection.body(&message).into(),
        };
        if !head.contains("\r\nconnection: close") {
            self.free[gateway].borrow_mut().push(connection);
        }
        Ok(answer)
    }
}

/// Makes all calls, so many at a time, each at the next of the gateways, and gives the answers in the order of the calls.
pub(crate) fn call_all<R: AsRef<[u8]> + 'static>(
    addresses: &[SocketAddr],
    width: usize,
    requests: Vec<R>,
) -> Vec<io::Result<Answer>> {
    let count = requests.len();
    let work = Rc::new(Work {
        lines: Lines::to(addresses),
        requests,
        next: Cell::new(0),
        answers: RefCell::new((0..count).map(|_| Err(io::ErrorKind::NotConnected.into())).collect()),
    });
    run((0..width.min(count)).map(|_| work.clone().carry_out()));
    work.answers.take()
}

struct Work<R> {
    lines: Lines,
    requests: Vec<R>,
    next: Cell<usize>,
    answers: RefCell<Vec<io::Result<Answer>>>,
}

impl<R: AsRef<[u8]>> Work<R> {
    async fn carry_out(self: Rc<Self>) {
        while let Some(request) = self.requests.get(self.next.get()) {
            let number = self.next.replace(self.next.get() + 1);
            let answer = self.lines.call(number % self.lines.count(), request.as_ref()).await;
            self.answers.borrow_mut()[number] = answer;
        }
    }
}

/// Runs tasks on this thread until all have ended.
pub(crate) fn run(tasks: impl Iterator<Item = impl Future<Output = ()> + 'static>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = LocalSet::new();
    let tasks: Vec<_> = tasks.map(|task| local.spawn_local(task)).collect();
    local.block_on(&runtime, async {
        for task in tasks {
            task.await.expect("a task ends well");
        }
    });
}
