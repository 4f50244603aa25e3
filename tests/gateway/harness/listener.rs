//! One who follows decisions: reads server-sent events, one after the other.

use super::caller::Caller;
use super::http::{Connection, Response};
use serde_json::Value;
use std::io;

/// What came with one id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct News {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

pub(crate) struct Listener {
    connection: Connection,
    text: String,
    /// Where it is, as the stream said last.
    pub(crate) at: String,
}

impl Listener {
    /// Follows from now on, or behind an id; it is said at once where that is.
    pub(crate) fn follow(caller: &Caller, behind: Option<&str>) -> Self {
        Self::try_follow(caller, behind).unwrap_or_else(|refused| panic!("{}", refused.text()))
    }

    pub(crate) fn try_follow(caller: &Caller, behind: Option<&str>) -> Result<Self, Response> {
        let request = caller.request("GET", "/v1/decisions");
        let request = behind.iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let mut connection = Connection::open(caller.address).expect("the gateway listens");
        connection.write(&request).expect("the gateway reads");
        let begun = connection.begin().expect("the gateway answers");
        if begun.status != 200 {
            return Err(begun);
        }
        assert_eq!(begun.header("content-type"), Some("text/event-stream"));
        let mut listener = Self { connection, text: String::new(), at: String::new() };
        let first = listener.block().expect("it is said where it begins");
        assert!(first.starts_with("retry: "), "{first}");
        listener.take(&first);
        assert!(!listener.at.is_empty(), "{first}");
        Ok(listener)
    }

    /// The next decision or late score; `None` where the stream has ended.
    pub(crate) fn next(&mut self) -> Option<News> {
        loop {
            let block = self.block()?;
            if let Some(news) = self.take(&block) {
                return Some(news);
            }
        }
    }

    /// So many of them.
    pub(crate) fn take_in(&mut self, count: usize) -> Vec<News> {
        (0..count).map(|_| self.next().expect("the stream goes on")).collect()
    }

    /// Up to an empty line.
    fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            match self.connection.chunk() {
                Ok(chunk) if chunk.is_empty() => return None,
                Ok(chunk) => self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8")),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => panic!("nothing comes any more"),
                // It was killed.
                Err(_) => return None,
            }
        }
    }

    fn take(&mut self, block: &str) -> Option<News> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        if let Some(id) = field("id") {
            id.clone_into(&mut self.at);
        }
        let data = serde_json::from_str(field("data")?).expect("JSON");
        Some(News { id: self.at.clone(), kind: field("event").expect("its kind").to_owned(), data })
    }
}
