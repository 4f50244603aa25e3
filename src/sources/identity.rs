//! What an event is known by whose sender gave it no name: all of its body but what is different each time, so that a
//! call that a platform repeats by itself is the same event.

use super::path::{Body, Path, Step};
use crate::domain::field::{Field, Fingerprint};
use crate::domain::identifiers::TenantName;
use sha2::{Digest, Sha256};

/// The body's meaning, without what is volatile in it.
pub(super) fn fingerprint(body: &Body<'_>, volatile: &[Path]) -> Fingerprint {
    let places: Vec<_> = volatile.iter().flat_map(|path| path.places(body)).collect();
    if places.is_empty() {
        return body.fields.fingerprint();
    }
    let places: Vec<&[Step]> = places.iter().map(Vec::as_slice).collect();
    without(body.fields, &places).fingerprint()
}

/// An event id: the source's name and 128 bits, as 26 characters.
pub(super) fn derived(tenant: &TenantName, source: &str, fingerprint: Fingerprint) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut sum = Sha256::new();
    for part in [tenant.as_str(), source] {
        sum.update((part.len() as u64).to_be_bytes());
        sum.update(part);
    }
    sum.update(fingerprint.0);
    let sum = sum.finalize();
    let bits = sum.iter().take(16).fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let characters = (0..26).map(|place| char::from(ALPHABET[(bits >> (5 * place)) as usize % 32]));
    format!("{source}:{}", characters.collect::<String>())
}

/// A copy without what lies at these places.
fn without<'b>(field: &Field<'b>, places: &[&[Step]]) -> Field<'b> {
    // What is left of each place that leads through here.
    let through = |is_here: &dyn Fn(&Step) -> bool| -> Option<Vec<&[Step]>> {
        let below: Vec<&[Step]> = places
            .iter()
            .filter_map(|place| place.split_first().filter(|(step, _)| is_here(step)).map(|(_, rest)| rest))
            .collect();
        (!below.iter().any(|rest| rest.is_empty())).then_some(below)
    };
    match field {
        Field::Object(members) => {
            let kept = members.iter().filter_map(|(name, value)| {
                let below = through(&|step| matches!(step, Step::Name(known) if known == name))?;
                Some((name.clone(), copy(value, &below)))
            });
            Field::Object(kept.collect())
        }
        Field::List(items) => {
            let kept = items.iter().enumerate().filter_map(|(place, value)| {
                let below = through(&|step| *step == Step::Item(place))?;
                Some(copy(value, &below))
            });
            Field::List(kept.collect())
        }
        other => other.clone(),
    }
}

fn copy<'b>(value: &Field<'b>, places: &[&[Step]]) -> Field<'b> {
    if places.is_empty() { value.clone() } else { without(value, places) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<'b>(members: Vec<(&'b str, Field<'b>)>) -> Field<'b> {
        Field::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    fn body<'b>(time: &'b str, id: &'b str) -> Field<'b> {
        let call = |n| object(vec![("at", Field::Text(time.into())), ("n", Field::Number(n))]);
        object(vec![
            ("timestamp", Field::Text(time.into())),
            ("data", object(vec![("id", Field::Text(id.into())), ("timestamp", Field::Text(time.into()))])),
            ("calls", Field::List(vec![call("1"), call("2")])),
        ])
    }

    fn of(body: &Field<'_>, volatile: &[&str]) -> Fingerprint {
        let paths: Vec<_> = volatile.iter().map(|path| Path::parse(path).expect("a path")).collect();
        fingerprint(&Body::new(body), &paths)
    }

    #[test]
    fn what_is_volatile_makes_no_other_event_and_all_else_does() {
        let all = ["$.timestamp", "$.data.timestamp", "$.calls[*].at", "$.nothing"];
        assert_eq!(of(&body("1", "a"), &all), of(&body("2", "a"), &all));
        assert_ne!(of(&body("1", "a"), &all), of(&body("1", "b"), &all));
        assert_ne!(of(&body("1", "a"), &all[..2]), of(&body("2", "a"), &all[..2]));
        assert_ne!(of(&body("1", "a"), &[]), of(&body("2", "a"), &[]));
        assert_eq!(of(&body("1", "a"), &[]), body("1", "a").fingerprint());
        let whole_calls = ["$..timestamp", "$.calls"];
        assert_eq!(of(&body("1", "a"), &whole_calls), of(&body("2", "a"), &whole_calls));
        assert_ne!(of(&body("1", "a"), &whole_calls), of(&body("1", "a"), &all));
    }

    #[test]
    fn an_id_is_the_tenants_and_the_sources_own() {
        let (bank, print) = (TenantName::new("b"), Fingerprint([7; 32]));
        let id = derived(&bank, "ivr", print);
        assert!(id.starts_with("ivr:") && id.len() == 30, "{id}");
        assert!(crate::domain::identifiers::EventId::parse(&id).is_some());
        assert_eq!(id, derived(&bank, "ivr", print));
        for other in [
            derived(&TenantName::new("c"), "ivr", print),
            derived(&TenantName::new("bi"), "vr", print),
            derived(&bank, "ivr", Fingerprint([8; 32])),
        ] {
            assert_ne!(id.rsplit(':').next(), other.rsplit(':').next());
        }
    }
}
