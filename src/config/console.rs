//! `[console]`: who may look at it, and act.

use super::section::{Problems, Section};
use crate::http::auth::{Operator, Role, read_hash};

pub(super) fn read(mut section: Section, problems: &mut Problems) -> Vec<Operator> {
    let entries = section.list("operators", problems);
    let operators = entries.into_iter().filter_map(|entry| operator(entry, problems)).collect();
    section.finish(problems);
    operators
}

fn operator(mut entry: Section, problems: &mut Problems) -> Option<Operator> {
    let name = entry.text("name", "whose it is, for the audit trail, such as name = \"ops\"", problems);
    let hash = entry.text("hash", "the key's hash, as `xceed-gateway key` prints it", problems);
    let hash = hash.and_then(|hash| {
        entry.check("hash", problems, "must be sha256: and 64 hexadecimal digits", || read_hash(&hash))
    });
    let role = entry.text_or("role", Role::Operator.name(), problems);
    let role =
        entry.check("role", problems, "must be operator, or auditor, who sees and changes nothing", || {
            [Role::Operator, Role::Auditor].into_iter().find(|known| known.name() == role)
        });
    entry.finish(problems);
    Some(Operator { name: name?, hash: hash?, may_act: role? == Role::Operator })
}
