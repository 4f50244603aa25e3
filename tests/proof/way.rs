//! The way to Xceed: passes on what comes, until it is cut; then nobody is there, until it is mended. So an Xceed can die
//! without forgetting what it has received.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

pub(crate) struct Way {
    address: SocketAddr,
    to: SocketAddr,
    open: Option<Open>,
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
        Self { address, to, open: Some(Open::begin(listener, to)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/xceed", self.address)
    }

    /// From now on nobody is there. How many connections that broke: on each at most one request was under way.
    pub(crate) fn cut(&mut self) -> usize {
        self.open.take().map_or(0, |open| open.end(self.address))
    }

    /// As it was before.
    pub(crate) fn mend(&mut self) {
        let bound = (0..100).find_map(|_| {
            TcpListener::bind(self.address).ok().or_else(|| {
                thread::sleep(std::time::Duration::from_millis(20));
                None
            })
        });
        self.open = Some(Open::begin(bound.expect("its port is free again"), self.to));
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.cut();
    }
}

impl Open {
    fn begin(listener: TcpListener, to: SocketAddr) -> Self {
        let (stop, streams): (Arc<AtomicBool>, Arc<Mutex<Vec<TcpStream>>>) = Default::default();
        let listening = thread::spawn({
            let (stop, streams) = (stop.clone(), streams.clone());
            move || {
                for from in listener.incoming().flatten() {
                    if stop.load(SeqCst) {
                        return;
                    }
                    if let Err(error) = pass_on(from, to, &streams) {
                        eprintln!("the way to the simulator: {error}");
                    }
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
fn pass_on(from: TcpStream, to: SocketAddr, streams: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let to = TcpStream::connect(to)?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    streams.lock().unwrap_or_else(PoisonError::into_inner).extend([from.try_clone()?, to.try_clone()?]);
    for (mut from, mut to) in [(from.try_clone()?, to.try_clone()?), (to, from)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}
