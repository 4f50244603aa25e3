//! What may go wrong around the payload: the secret key, the channel, the callback id, the order of the fields, what
//! stands between them, and how all of it becomes bytes.

use super::charset::Charset;
use super::draft::{Draft, Kind, Mistake, Part, Rewrite};
use super::{Signing, Value, payload};

/// More fields than this are not put in every order.
const ORDERED_MAX: usize = 5;

const NOTHING_BETWEEN: &str = "put nothing between the fields: they are hashed one directly behind the other";
const CHARSET: &str = "hash the bytes of the text in UTF-8, and say so where the text is made bytes";
const SECRET_AS_ISSUED: &str = "use the secret key as it was issued, as text: no line end, no quotes, no space, no other case, not decoded";

/// All mistakes, in the order in which a program would make two of them.
pub(super) fn all(signing: &Signing<'_>) -> Vec<Mistake> {
    let lists = [
        payload::mistakes(),
        secrets(signing.next_key),
        channels(signing.other_channels),
        left_out(signing.fields),
        orders(signing.fields),
        callbacks(signing),
        between(),
        behind(),
        charsets(),
    ];
    lists.into_iter().flatten().collect()
}

fn name(value: Value) -> &'static str {
    match value {
        Value::PlatformId => "the platform id",
        Value::ServiceId => "the service id",
        Value::Channel => "the channel",
        Value::SecretKey => "the secret key",
        Value::Payload => "the payload",
        Value::CallbackId => "the callback id",
        Value::ResponseRequired => "the word for a required response",
        Value::NumEvents => "the number of events",
        Value::EventId => "the event id",
        Value::ReturnCode => "the return code",
        Value::RiskScore => "the risk score",
        Value::RiskAction => "the risk action",
        Value::Hash => "the hash",
    }
}

fn secrets(next: Option<&str>) -> Vec<Mistake> {
    let list: [(&str, Rewrite); 7] = [
        ("a line end (LF) stood behind the secret key, as in a file", |key| format!("{key}\n")),
        ("a line end (CRLF) stood behind the secret key, as in a file", |key| format!("{key}\r\n")),
        ("a space stood behind the secret key", |key| format!("{key} ")),
        ("the secret key was in upper case", str::to_ascii_uppercase),
        ("the secret key was in lower case", str::to_ascii_lowercase),
        ("the secret key stood in double quotes", |key| format!("\"{key}\"")),
        ("the secret key stood in single quotes", |key| format!("'{key}'")),
    ];
    let mistake = |(what, rewrite): (&str, Rewrite)| {
        Mistake::new(Kind::Secret, what, SECRET_AS_ISSUED, move |draft| {
            draft.rewrite(Value::SecretKey, |key| Some(rewrite(key)));
        })
    };
    let mut mistakes: Vec<Mistake> = list.into_iter().map(mistake).collect();
    let what = "the secret key was read as hexadecimal digits, and its bytes were hashed";
    mistakes.push(Mistake::new(Kind::Secret, what, SECRET_AS_ISSUED, |draft| {
        for (_, part) in draft.fields.iter_mut().filter(|(value, _)| *value == Value::SecretKey) {
            if let Part::Text(key) = part
                && let Ok(bytes) = hex::decode(&*key)
            {
                *part = Part::Bytes(bytes);
            }
        }
    }));
    if let Some(next) = next.map(str::to_owned) {
        let what = "it was signed with secret_key_next";
        let cure =
            "both sides must move to the next key together; the gateway does when Xceed refuses the first";
        mistakes.push(Mistake::new(Kind::Secret, what, cure, move |draft| {
            draft.rewrite(Value::SecretKey, |_| Some(next.clone()));
        }));
    }
    mistakes
}

fn channels(others: &[&str]) -> Vec<Mistake> {
    let cure =
        "the channel is the same word, in the same case, in the payload, in the request and in the hash";
    let list: [(&str, Rewrite); 3] = [
        ("the channel was in lower case", str::to_ascii_lowercase),
        ("the channel was in upper case", str::to_ascii_uppercase),
        ("the channel's first letter was in lower case", |word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_ascii_lowercase() + rest
        }),
    ];
    let mistake = |(what, rewrite): (&str, Rewrite)| {
        Mistake::new(Kind::Channel, what, cure, move |draft| {
            draft.rewrite(Value::Channel, |word| Some(rewrite(word)));
        })
    };
    let of_others = others.iter().map(|&other| {
        let (what, other) = (format!("it was signed with the channel {other}"), other.to_owned());
        Mistake::new(Kind::Channel, what, cure, move |draft| {
            draft.rewrite(Value::Channel, |_| Some(other.clone()));
        })
    });
    list.into_iter().map(mistake).chain(of_others).collect()
}

fn left_out(fields: &[(Value, &str)]) -> Vec<Mistake> {
    let cure = "hash all the fields, in their order";
    let others = fields.iter().map(|(value, _)| *value).filter(|value| *value != Value::CallbackId);
    let mistake = |value: Value| {
        let what = format!("{} was left out", name(value));
        Mistake::new(Kind::LeftOut, what, cure, move |draft| draft.remove(value))
    };
    others.map(mistake).collect()
}

/// Every order of the fields before the payload; then those in which the payload stands elsewhere too.
fn orders(fields: &[(Value, &str)]) -> Vec<Mistake> {
    let cure = "hash the fields in the order that the API describes";
    let own: Vec<Value> =
        fields.iter().map(|(value, _)| *value).filter(|value| *value != Value::CallbackId).collect();
    let is_small = own.len() <= ORDERED_MAX;
    let all = if is_small { permutations(&own) } else { vec![own.iter().rev().copied().collect()] };
    let place = |order: &[Value]| order.iter().position(|value| *value == Value::Payload);
    let mistake = |order: Vec<Value>| {
        let kind = if place(&order) == place(&own) { Kind::Order } else { Kind::WholeOrder };
        let names: Vec<_> = order.iter().map(|value| name(*value)).collect();
        let what = format!("the fields were hashed in this order: {}", names.join(", "));
        Mistake::new(kind, what, cure, move |draft| reorder(draft, &order))
    };
    all.into_iter().filter(|order| *order != own).map(mistake).collect()
}

/// Puts those fields in this order; the callback id stays where it is.
fn reorder(draft: &mut Draft, order: &[Value]) {
    let mut sorted =
        order.iter().filter_map(|value| draft.fields.iter().find(|(name, _)| name == value).cloned());
    let next = |field: &(Value, Part)| {
        if order.contains(&field.0) { sorted.next().unwrap_or_else(|| field.clone()) } else { field.clone() }
    };
    draft.fields = draft.fields.iter().map(next).collect();
}

fn permutations(values: &[Value]) -> Vec<Vec<Value>> {
    if values.len() < 2 {
        return vec![values.to_vec()];
    }
    let with_first = |at: usize| {
        let mut rest = values.to_vec();
        let first = rest.remove(at);
        permutations(&rest).into_iter().map(move |order| std::iter::once(first).chain(order).collect())
    };
    (0..values.len()).flat_map(with_first).collect()
}

fn callbacks(signing: &Signing<'_>) -> Vec<Mistake> {
    let Some(id) = signing.callback_id.map(str::to_owned) else { return Vec::new() };
    let is_hashed = signing.fields.iter().any(|(value, _)| *value == Value::CallbackId);
    let cure = if is_hashed {
        "with a callback id, it is hashed too, in its place: by default behind everything else"
    } else {
        "the callback id is not part of this hash: leave it out"
    };
    let put = |draft: &mut Draft, at: fn(usize) -> usize, id: &str| {
        draft.remove(Value::CallbackId);
        let at = at(draft.fields.len());
        draft.fields.insert(at, (Value::CallbackId, Part::Text(id.to_owned())));
    };
    let (in_front, at_end) = (id.clone(), id);
    vec![
        Mistake::new(Kind::Callback, "the callback id was left out", cure, |draft| {
            draft.remove(Value::CallbackId);
        }),
        Mistake::new(Kind::Callback, "the callback id stood in front", cure, move |draft| {
            put(draft, |_| 0, &in_front);
        }),
        Mistake::new(Kind::Callback, "the callback id stood at the end", cure, move |draft| {
            put(draft, |count| count, &at_end);
        }),
    ]
}

fn between() -> Vec<Mistake> {
    let list = [",", ";", ":", "|", "+", "&", "-", "_", ".", "/", "#", " ", "\t", "\n"];
    let mistake = |separator: &'static str| {
        let what = format!("the fields were put together with {separator:?} between them");
        Mistake::new(Kind::Between, what, NOTHING_BETWEEN, move |draft| draft.between = separator)
    };
    list.map(mistake).into()
}

fn behind() -> Vec<Mistake> {
    let cure = "hash nothing behind the last field: printf '%s' instead of echo";
    let mistake = |(what, end): (&str, &'static str)| {
        let what = format!("{what} stood behind the whole text, as `echo` adds one");
        Mistake::new(Kind::Behind, what, cure, move |draft| draft.behind = end)
    };
    [("a line end (LF)", "\n"), ("a line end (CRLF)", "\r\n")].map(mistake).into()
}

fn charsets() -> Vec<Mistake> {
    let mistake = |charset: Charset| {
        let what = format!("the text was made bytes in {} instead of UTF-8", charset.name());
        Mistake::new(Kind::Charset, what, CHARSET, move |draft| draft.charset = charset)
    };
    Charset::MISTAKEN.map(mistake).into()
}
