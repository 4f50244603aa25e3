//! Length extension: from the hash of a secret text, the hash of that text with more behind it. Where the more would have
//! to stand, nothing is taken that is not a callback id.

use super::{Forged, named};
use crate::harness::callback::{Callback, callback_request};
use sha1::{Digest, Sha1};

/// The padding that SHA-1 puts behind a text of this length, and the hash of text, padding and suffix together: all
/// that can be worked out from a hash without the text.
fn extend(hash: &str, length: usize, suffix: &[u8]) -> (Vec<u8>, String) {
    let mut padding = vec![0x80];
    while (length + padding.len()) % 64 != 56 {
        padding.push(0);
    }
    padding.extend((length as u64 * 8).to_be_bytes());
    let digest = hex::decode(hash).expect("hex");
    let mut state: Vec<u32> =
        digest.chunks(4).map(|four| u32::from_be_bytes(four.try_into().expect("four"))).collect();
    let whole = length + padding.len() + suffix.len();
    let mut last = suffix.to_vec();
    last.push(0x80);
    last.resize(56, 0);
    last.extend((whole as u64 * 8).to_be_bytes());
    compress(&mut state, &last);
    (padding, hex::encode(state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>()))
}

/// One block of SHA-1.
fn compress(state: &mut [u32], block: &[u8]) {
    let mut words: Vec<u32> =
        block.chunks(4).map(|four| u32::from_be_bytes(four.try_into().expect("four"))).collect();
    for n in 16..80 {
        words.push((words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16]).rotate_left(1));
    }
    let mut now = [state[0], state[1], state[2], state[3], state[4]];
    for (n, word) in words.into_iter().enumerate() {
        let [a, b, c, d, e] = now;
        let (mix, constant) = match n / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let first = [mix, e, constant, word].into_iter().fold(a.rotate_left(5), u32::wrapping_add);
        now = [first, a, b.rotate_left(30), c, d];
    }
    for (word, more) in state.iter_mut().zip(now) {
        *word = word.wrapping_add(more);
    }
}

/// A hash that was extended without the secret, and the longer text in every encoding.
pub(crate) fn extended() -> Vec<Forged> {
    let genuine = Callback::of("e-1");
    let (padding, hash) = extend(&genuine.hash(), genuine.text().len(), b"gw1");
    let whole = [genuine.text().as_bytes(), &padding, b"gw1"].concat();
    assert_eq!(
        hash,
        hex::encode(Sha1::digest(&whole)),
        "the forged hash is the right one for the longer text"
    );
    let tail = [b"gw1", padding.as_slice(), b"gw1"].concat();
    let references: String = padding.iter().map(|byte| format!("&#{byte};")).collect();
    let hexadecimal: String = padding.iter().map(|byte| format!("&#x{byte:X};")).collect();
    let latin: String = tail.iter().map(|byte| char::from(*byte)).collect();
    let envelope = genuine.hashed(&hash).envelope();
    let with = |what: &str, callback_id: &[u8]| {
        let (before, after) = envelope.split_once("gw1").expect("the callback id");
        let body = [before.as_bytes(), callback_id, after.as_bytes()].concat();
        named(what, callback_request("gw1", body))
    };
    let cdata = [b"<![CDATA[", tail.as_slice(), b"]]>"].concat();
    let encoded: String = tail.iter().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        with("raw", &tail),
        with("in CDATA", &cdata),
        with("as characters", latin.as_bytes()),
        with("as references", format!("gw1{references}gw1").as_bytes()),
        with("as hexadecimal references", format!("gw1{hexadecimal}gw1").as_bytes()),
        with("in base64", base64(&tail).as_bytes()),
        with("with the hash alone", b"gw1"),
        named("in the address", callback_request(&encoded, envelope.replacen("gw1", &latin, 1))),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |chunk: &[u8]| {
        let bits =
            (0..3).fold(0_usize, |bits, n| bits << 8 | usize::from(chunk.get(n).copied().unwrap_or(0)));
        let digit = |n: usize| char::from(ALPHABET[bits >> (18 - 6 * n) & 63]);
        (0..4).map(|n| if n <= chunk.len() { digit(n) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(three).collect()
}
