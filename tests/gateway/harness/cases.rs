//! The cases of `fixtures/contract`: one folder, one story.
//!
//! - `0-tenant.toml`: what is laid over the tenant's table, where the case needs it
//! - `1-event.json`, or `1-event.txt` where it is no JSON: what the caller sends
//! - `2-payload.xml`, `3-envelope.xml`: what Xceed hears
//! - `4-results.xml`: what Xceed answers, with status 200; or `4-results.http`: a status, a media type and a body
//! - `5-decision.json`: what the caller hears, with status 200; or `5-problem.json`, whose `status` is the response's
//!
//! 2, 3 and 5 are golden files. A case without an answer of Xceed's is one that Xceed must never hear of.

use super::canned::answer;
use super::folder::repository;
use std::fs;
use std::path::PathBuf;

pub(crate) struct Case {
    /// The folder's name, and the event's id.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// `0-tenant.toml`, or nothing.
    pub(crate) tenant: String,
    pub(crate) event: Vec<u8>,
    pub(crate) answer: Option<Answer>,
}

/// What Xceed answers.
#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    content_type: String,
    pub(crate) body: String,
}

impl Answer {
    /// The HTTP response.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        answer(self.status, &self.content_type, self.body.as_bytes())
    }
}

/// All cases, in order.
pub(crate) fn cases() -> Vec<Case> {
    let entries = fs::read_dir(repository("fixtures/contract")).expect("the fixtures are there");
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.into_iter().map(read).collect()
}

fn read(folder: PathBuf) -> Case {
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let event = fs::read(folder.join("1-event.json")).or_else(|_| fs::read(folder.join("1-event.txt")));
    Case {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        tenant: text("0-tenant.toml").unwrap_or_default(),
        event: event.unwrap_or_else(|error| panic!("{}: no event ({error})", folder.display())),
        answer: text("4-results.xml").map(good).or_else(|| text("4-results.http").map(|text| http(&text))),
        folder,
    }
}

fn good(body: String) -> Answer {
    Answer { status: 200, content_type: "text/xml; charset=utf-8".to_owned(), body }
}

/// The status, the media type, an empty line, the body.
fn http(text: &str) -> Answer {
    let mut parts = text.splitn(4, '\n');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (status, content_type, _, body) = (part(), part(), part(), part());
    Answer { status: status.parse().expect("a status"), content_type, body }
}
