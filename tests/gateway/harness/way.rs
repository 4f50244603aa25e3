//! The way between two programs: a proxy that passes on what comes, until it is told to do ill. It can be cut and mended, be
//! slow, be narrow, fall silent without a word, and break connections after so many bytes. What is at its end forgets nothing
//! meanwhile, so an Xceed or a database can be gone without having lost what it has.

use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often whoever waits looks whether it still has to.
const LOOK: Duration = Duration::from_millis(5);
/// No limit.
const NEVER: u64 = u64::MAX;

pub(crate) struct Way {
    address: SocketAddr,
    to: SocketAddr,
    ills: Arc<Ills>,
    open: Option<Open>,
}

/// What is wrong with it now.
#[derive(Debug)]
struct Ills {
    /// Each piece takes so many microseconds longer.
    delay: AtomicU64,
    /// Nothing passes, and nobody is told.
    silent: AtomicBool,
    /// Between two pieces on their way there lie so many microseconds, whichever connections they are of.
    pause: AtomicU64,
    /// Whose turn it is there.
    turn: Mutex<()>,
    /// A connection is reset once so many bytes have come back on it.
    reset_after: AtomicU64,
}

struct Open {
    stop: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    listening: JoinHandle<()>,
}

impl Way {
    /// A way to that address, from one of its own.
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let ills = Arc::new(Ills {
            delay: AtomicU64::new(0),
            silent: AtomicBool::new(false),
            pause: AtomicU64::new(0),
            turn: Mutex::default(),
            reset_after: AtomicU64::new(NEVER),
        });
        Self { address, to, open: Some(Open::begin(listener, to, ills.clone())), ills }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nobody is there. How many connections that broke: on each at most one request was under way.
    pub(crate) fn cut(&mut self) -> usize {
        self.open.take().map_or(0, |open| open.end(self.address))
    }

    /// Whatever passes takes so much longer.
    pub(crate) fn delay(&self, by: Duration) {
        self.ills.delay.store(by.as_micros() as u64, SeqCst);
    }

    /// So many pieces a second pass on their way there, all connections together.
    pub(crate) fn narrow(&self, per_second: f64) {
        self.ills.pause.store((1e6 / per_second) as u64, SeqCst);
    }

    /// Nothing passes any more, on connections that stay as they are.
    pub(crate) fn fall_silent(&self) {
        self.ills.silent.store(true, SeqCst);
    }

    /// Each connection is reset once so many bytes have come back on it.
    pub(crate) fn reset_after(&self, bytes: u64) {
        self.ills.reset_after.store(bytes, SeqCst);
    }

    /// As it was before.
    pub(crate) fn mend(&mut self) {
        self.ills.delay.store(0, SeqCst);
        self.ills.pause.store(0, SeqCst);
        self.ills.silent.store(false, SeqCst);
        self.ills.reset_after.store(NEVER, SeqCst);
        if self.open.is_some() {
            return;
        }
        let bound = (0..100).find_map(|_| {
            TcpListener::bind(self.address).ok().or_else(|| {
                thread::sleep(Duration::from_millis(20));
                None
            })
        });
        self.open = Some(Open::begin(bound.expect("its port is free again"), self.to, self.ills.clone()));
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Open {
    fn begin(listener: TcpListener, to: SocketAddr, ills: Arc<Ills>) -> Self {
        let (stop, streams): (Arc<AtomicBool>, Arc<Mutex<Vec<TcpStream>>>) = Default::default();
        let listening = thread::spawn({
            let (stop, streams) = (stop.clone(), streams.clone());
            move || {
                for from in listener.incoming().flatten() {
                    if stop.load(SeqCst) {
                        return;
                    }
                    // Where nobody is at its end, whoever came sees the connection close.
                    let _ = pass_on(from, to, &streams, (&ills, &stop));
                }
            }
        });
        Self { stop, streams, listening }
    }

    fn end(self, address: SocketAddr) -> usize {
        self.stop.store(true, SeqCst);
        // Whoever listens looks up, and closes the door.
        drop(TcpStream::connect(address));
        self.listening.join().expect("it listens to the end");
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = streams.iter().filter(|stream| stream.shutdown(Shutdown::Both).is_ok()).count();
        cut.div_ceil(2)
    }
}

/// Two threads for each connection: one for each direction.
fn pass_on(
    from: TcpStream,
    to: SocketAddr,
    streams: &Mutex<Vec<TcpStream>>,
    (ills, stop): (&Arc<Ills>, &Arc<AtomicBool>),
) -> io::Result<()> {
    let to = TcpStream::connect(to)?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    streams.lock().unwrap_or_else(PoisonError::into_inner).extend([from.try_clone()?, to.try_clone()?]);
    for (mut from, mut to, there) in [(from.try_clone()?, to.try_clone()?, true), (to, from, false)] {
        let (ills, stop) = (ills.clone(), stop.clone());
        thread::spawn(move || {
            let _ = ills.carry(&mut from, &mut to, there, &stop);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}

impl Ills {
    fn carry(
        &self,
        from: &mut TcpStream,
        to: &mut TcpStream,
        there: bool,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        let (mut piece, mut passed) = (vec![0; 64 * 1024], 0);
        loop {
            let read = from.read(&mut piece)?;
            if read == 0 {
                return Ok(());
            }
            self.hold_up(there, stop);
            let left = self.reset_after.load(SeqCst).saturating_sub(passed);
            if !there && left < read as u64 {
                to.write_all(&piece[..left as usize])?;
                reset(from)?;
                return reset(to);
            }
            to.write_all(&piece[..read])?;
            passed += read as u64;
        }
    }

    fn hold_up(&self, there: bool, stop: &AtomicBool) {
        thread::sleep(Duration::from_micros(self.delay.load(SeqCst)));
        if there && self.pause.load(SeqCst) > 0 {
            let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            thread::sleep(Duration::from_micros(self.pause.load(SeqCst)));
        }
        while self.silent.load(SeqCst) && !stop.load(SeqCst) {
            thread::sleep(LOOK);
        }
    }
}

/// RST, and not FIN: what is on its way is lost.
fn reset(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}
