//! One compiled set and the library's validator over it, alive from one document to the next.
//!
//! It bounds what a set remembers of the documents it has seen. How one document is read is told
//! elsewhere (`check.rs`).

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use xsd_schema::validation::{SchemaValidator, ValidationFlags};

use super::check::{Verdict, check};
use super::documents::Documents;
use super::roots;
use super::violations::{Rule, Violation};

/// What a compiled set may keep of the names it met in documents, before it is compiled afresh.
/// The library never forgets a name.
const MAX_KEPT_NAME_BYTES: usize = 1 << 20;
/// The buffers that are kept from one document to the next.
const KEPT_BUFFER_BYTES: usize = 64 << 10;

/// A compiled set and the library's validator over it, alive from one document to the next.
///
/// The validator borrows the set, so neither can be moved into a struct without the other. Both
/// live in a future that never ends and is polled once for each document: what an `async` block
/// holds over an `await` may borrow from itself, and no `unsafe` is needed.
pub(super) struct Session {
    desk: Rc<Desk>,
    task: Pin<Box<dyn Future<Output = Infallible>>>,
}

/// Where a document is left for the session, and the verdict for its owner.
#[derive(Default)]
struct Desk {
    document: RefCell<String>,
    is_waiting: Cell<bool>,
    verdict: Cell<Option<Verdict>>,
    /// How often the set was compiled.
    compiled: Cell<u32>,
}

impl Session {
    /// Compiles the set, so that the first document need not wait for it.
    pub(super) fn start(documents: Documents) -> Self {
        let desk = Rc::new(Desk::default());
        let mut session = Self { task: Box::pin(serve(documents, Rc::clone(&desk))), desk };
        session.poll();
        session
    }

    pub(super) fn judge(&mut self, document: &str) -> Verdict {
        self.desk.document.borrow_mut().push_str(document);
        self.desk.is_waiting.set(true);
        self.poll();
        let mut kept = self.desk.document.borrow_mut();
        kept.clear();
        kept.shrink_to(KEPT_BUFFER_BYTES);
        self.desk
            .verdict
            .take()
            .unwrap_or_else(|| Verdict::Refused(Violation::of_document(Rule::Other, "could not be checked")))
    }

    fn poll(&mut self) {
        let _: Poll<Infallible> = self.task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// Judges one document after the other, for ever. The outer loop compiles the set afresh once the
/// names of documents have taken their share of memory.
async fn serve(documents: Documents, desk: Rc<Desk>) -> Infallible {
    loop {
        let set = documents.compile().expect("the documents compiled when the set was loaded");
        let root = roots::find(&set, &documents).expect("the set had a root when it was loaded");
        let validator = SchemaValidator::new(&set, ValidationFlags::empty());
        desk.compiled.set(desk.compiled.get() + 1);
        let ceiling = set.name_table.heap_bytes() + MAX_KEPT_NAME_BYTES;
        let mut buffer = Vec::new();
        while set.name_table.heap_bytes() <= ceiling {
            poll_fn(|_| if desk.is_waiting.replace(false) { Poll::Ready(()) } else { Poll::Pending }).await;
            let verdict = check(&validator, &set, root, &desk.document.borrow(), &mut buffer);
            desk.verdict.set(Some(verdict));
            buffer.clear();
            buffer.shrink_to(KEPT_BUFFER_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const XSD: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\
        <xs:element name='R' type='xs:token'/></xs:schema>";

    #[test]
    fn a_set_is_compiled_afresh_before_the_names_of_documents_fill_the_memory() {
        let documents = Documents::gather("t", BTreeMap::from([("events.xsd".to_owned(), XSD.into())]));
        let mut session = Session::start(documents.expect("a good document"));
        let is_read = |verdict| matches!(verdict, Verdict::Read(_));
        for _ in 0..1_000 {
            assert!(is_read(session.judge("<R/>")));
        }
        assert_eq!(session.desk.compiled.get(), 1);
        for round in 0..60 {
            let foreign: String =
                (0..1_000).map(|index| format!("<{}{round}-{index}/>", "x".repeat(90))).collect();
            assert!(is_read(session.judge(&format!("<R>{foreign}</R>"))));
        }
        assert!((3..20).contains(&session.desk.compiled.get()));
    }
}
