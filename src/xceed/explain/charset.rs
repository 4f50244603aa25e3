//! Character sets that a text is turned into bytes with by mistake. Only for looking: what is signed is UTF-8.
//! Source: ISO/IEC 8859-1; the table of Windows-1252 as Unicode publishes it.

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// Java's `UTF-16`: big-endian with a byte order mark in front.
    Utf16BeMarked,
    Utf16LeMarked,
    Latin1,
    Windows1252,
    Ascii,
}

/// What Windows-1252 has at 0x80 to 0x9F; a replacement character where it has nothing.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
    '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];

impl Charset {
    pub(super) const MISTAKEN: [Self; 7] = [
        Self::Utf16Le,
        Self::Utf16LeMarked,
        Self::Utf16Be,
        Self::Utf16BeMarked,
        Self::Latin1,
        Self::Windows1252,
        Self::Ascii,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf16LeMarked => "UTF-16LE with a byte order mark",
            Self::Utf16BeMarked => "UTF-16 with a byte order mark",
            Self::Latin1 => "ISO-8859-1",
            Self::Windows1252 => "Windows-1252",
            Self::Ascii => "US-ASCII",
        }
    }

    /// What stands before everything else.
    pub(super) fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf16LeMarked => &[0xff, 0xfe],
            Self::Utf16BeMarked => &[0xfe, 0xff],
            _ => &[],
        }
    }

    /// Writes a text. A character that the set lacks becomes `?`, as Java and .NET have it.
    pub(super) fn write(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Utf16Le | Self::Utf16LeMarked => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Utf16Be | Self::Utf16BeMarked => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Latin1 => out.extend(text.chars().map(|c| u8::try_from(c).unwrap_or(b'?'))),
            Self::Windows1252 => out.extend(text.chars().map(|c| in_windows_1252(c).unwrap_or(b'?'))),
            Self::Ascii => out.extend(text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' })),
        }
    }

    /// A text whose UTF-8 was read as this set, and so came to hold `Ã¶` for `ö`.
    pub(super) fn misread(self, text: &str) -> String {
        let character = |byte: u8| match (self, byte) {
            (Self::Windows1252, 0x80..=0x9f) => match WINDOWS_1252[usize::from(byte - 0x80)] {
                '\u{fffd}' => char::from(byte),
                c => c,
            },
            _ => char::from(byte),
        };
        text.bytes().map(character).collect()
    }
}

fn in_windows_1252(c: char) -> Option<u8> {
    match WINDOWS_1252.iter().position(|&known| known == c && c != '\u{fffd}') {
        Some(at) => u8::try_from(0x80 + at).ok(),
        None => u8::try_from(c).ok().filter(|byte| !(0x80..=0x9f).contains(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(charset: Charset, text: &str) -> Vec<u8> {
        let mut out = charset.mark().to_vec();
        charset.write(text, &mut out);
        out
    }

    /// Made with `printf '%s' 'Zoë €😀' | iconv -f UTF-8 -t … | xxd -p`. Where a set lacks a character iconv refuses,
    /// so each `3f` was put in by hand.
    #[test]
    fn bytes_of_another_tool() {
        for (charset, digits) in [
            (Charset::Utf8, "5a6fc3ab20e282acf09f9880"),
            (Charset::Utf16Le, "5a006f00eb002000ac203dd800de"),
            (Charset::Utf16Be, "005a006f00eb002020acd83dde00"),
            (Charset::Utf16LeMarked, "fffe5a006f00eb002000ac203dd800de"),
            (Charset::Utf16BeMarked, "feff005a006f00eb002020acd83dde00"),
            (Charset::Latin1, "5a6feb203f3f"),
            (Charset::Windows1252, "5a6feb20803f"),
            (Charset::Ascii, "5a6f3f203f3f"),
        ] {
            assert_eq!(hex::encode(bytes(charset, "Zoë €😀")), digits, "{}", charset.name());
        }
    }

    #[test]
    fn utf_8_that_was_misread_looks_like_it() {
        assert_eq!(Charset::Windows1252.misread("Zoë €"), "ZoÃ« â‚¬");
        assert_eq!(Charset::Latin1.misread("ë"), "Ã«");
        assert_eq!(Charset::Latin1.misread("abc"), "abc");
    }
}
