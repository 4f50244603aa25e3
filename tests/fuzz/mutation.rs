//! New inputs of old ones: bytes turned, taken out, doubled, and put in from others; and words that parsers trip over.

/// Chance that can be repeated (SplitMix64): the same seed, the same decisions.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// At least the first, less than the second.
    fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        from + (mixed ^ (mixed >> 31)) % (to - from).max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() as u64) as usize]
    }
}

/// What parsers trip over.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xC0\x80",
    b"\xED\xA0\x80",
    b"\xF0\x9F\x98\x80",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"99999999999999999999",
    b"0.1e-400",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[[[[[[[[[[[[[[[",
    b"{\"a\":",
    b"\"",
    b"\\",
    b",",
    b":",
    b"__proto__",
    b"<",
    b">",
    b"</",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0' encoding='UTF-16'?>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"&#0;",
    b"&#x10FFFF;",
    b"&amp;",
    b" xmlns:a='b'",
    b" xmlns=''",
    b" xsi:nil='true'",
    b"4111111111111111",
    b"SUCCESS",
    b"Unknown",
    b"Other",
    b"%00",
    b"%zz",
    b"+",
    b"&",
    b"=",
    b";",
    b"for=",
    b"\"[::1]\"",
    b"$..*",
    b"$[?@.a]",
    b"$",
    b"[tenants.x]",
    b"= { file = \"/\" }",
    b"'''",
    b"2026-02-30T25:61:61Z",
    b"0000-00-00",
    b"NaN",
    b"Infinity",
    b"~",
    b"\x7F",
    b"\xC2\xAD",
    b"\xE2\x80\x91",
];

pub(crate) struct Mutation<'i> {
    inputs: &'i [Vec<u8>],
    chance: Chance,
}

impl<'i> Mutation<'i> {
    pub(crate) fn new(inputs: &'i [Vec<u8>], chance: Chance) -> Self {
        Self { inputs, chance }
    }

    pub(crate) fn next(&mut self, longest: usize) -> Vec<u8> {
        let mut input = self.chance.pick(self.inputs).clone();
        for _ in 0..self.chance.between(1, 8) {
            self.change(&mut input);
        }
        input.truncate(longest);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input.len() + 1);
        let to = (at + self.place(24)).min(input.len());
        match self.chance.between(0, 9) {
            0 if at < input.len() => input[at] ^= 1 << self.chance.between(0, 8),
            1 if at < input.len() => input[at] = self.chance.between(0, 256) as u8,
            2 => drop(input.drain(at..to)),
            3 => {
                let part = input[at..to].to_vec();
                let times = self.place(40);
                (0..times).for_each(|_| drop(input.splice(at..at, part.iter().copied())));
            }
            4 => {
                let other = self.chance.pick(self.inputs).clone();
                let from = self.place(other.len() + 1);
                let until = (from + self.place(80)).min(other.len());
                drop(input.splice(at..to, other[from..until].iter().copied()));
            }
            5 => input.truncate(at),
            _ => {
                let word = *self.chance.pick(WORDS);
                drop(input.splice(at..at, word.iter().copied()));
            }
        }
    }

    fn place(&mut self, below: usize) -> usize {
        self.chance.between(0, below as u64) as usize
    }
}
