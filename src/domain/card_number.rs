//! Card numbers in free text, masked before they go anywhere. A card number is 13 to 19 digits that pass the Luhn
//! check, written together or in groups with one space or hyphen between them. It is made of whole groups, so an
//! expiry date behind it can't save it from being seen, and a longer number is none.

use std::borrow::Cow;
use std::ops::Range;

const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// So many digits at the end stay legible, for people to recognise a card by.
const LEGIBLE: usize = 4;

/// The text with all but the last four digits of every card number as `*`.
pub fn mask(text: &str) -> Cow<'_, str> {
    if text.bytes().filter(u8::is_ascii_digit).count() < *DIGITS.start() {
        return Cow::Borrowed(text);
    }
    let mut masked = Cow::Borrowed(text);
    for run in runs(text.as_bytes()) {
        for number in numbers(text.as_bytes(), &run) {
            hide(masked.to_mut(), number);
        }
    }
    masked
}

/// Groups of digits with one space or hyphen between them, as many as stand in a row.
fn runs(text: &[u8]) -> Vec<Vec<Range<usize>>> {
    let mut runs: Vec<Vec<Range<usize>>> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let length = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let group = at..at + length;
        let joined = runs
            .last()
            .and_then(|run| run.last())
            .is_some_and(|before| before.end + 1 == group.start && matches!(text[before.end], b' ' | b'-'));
        match runs.last_mut() {
            Some(run) if joined => run.push(group),
            _ => runs.push(vec![group]),
        }
        at += length;
    }
    runs
}

/// The card numbers of a run: leftmost first, then the longest.
fn numbers(text: &[u8], run: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut first = 0;
    while first < run.len() {
        // A number of at most 19 digits has at most 19 groups, which keeps a long run from costing its square.
        let end = run.len().min(first + DIGITS.end());
        let last = (first..end).rev().find(|&last| is_card(text, &run[first..=last]));
        match last {
            Some(last) => {
                found.push(run[first].start..run[last].end);
                first = last + 1;
            }
            None => first += 1,
        }
    }
    found
}

fn is_card(text: &[u8], groups: &[Range<usize>]) -> bool {
    let count: usize = groups.iter().map(Range::len).sum();
    let digits = groups.iter().rev().flat_map(|group| text[group.clone()].iter().rev());
    DIGITS.contains(&count) && passes_luhn(digits.map(|b| u32::from(b - b'0')))
}

/// The Luhn check over digits from the last to the first.
fn passes_luhn(digits: impl Iterator<Item = u32>) -> bool {
    let sum: u32 = digits
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { digit * 2 - if digit > 4 { 9 } else { 0 } })
        .sum();
    sum.is_multiple_of(10)
}

fn hide(text: &mut String, number: Range<usize>) {
    let digits = text[number.clone()].bytes().filter(u8::is_ascii_digit).count();
    let mut left = digits.saturating_sub(LEGIBLE);
    let hidden: String = text[number.clone()]
        .chars()
        .map(|c| {
            if c.is_ascii_digit() && left > 0 {
                left -= 1;
                '*'
            } else {
                c
            }
        })
        .collect();
    text.replace_range(number, &hidden);
}

#[cfg(test)]
mod tests {
    use super::mask;
    use proptest::prelude::*;

    #[test]
    fn card_numbers_are_masked_and_other_numbers_are_not() {
        for (text, masked) in [
            ("4111111111111111", "************1111"),
            ("card 4111-1111 1111-1111 please", "card ****-**** ****-1111 please"),
            ("4111 1111 1111 1111 12/27", "**** **** **** 1111 12/27"),
            ("4111111111111112", "4111111111111112"),
            ("DE02120300000000202051", "DE02120300000000202051"),
            ("41111111111111111111", "41111111111111111111"),
            ("4111  1111 1111 1111", "4111  1111 1111 1111"),
            ("ä4111111111111111ö", "ä************1111ö"),
            ("378282246310005", "***********0005"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    proptest! {
        #[test]
        fn masking_keeps_length_and_is_stable(text in "[0-9 \\-ä]{0,60}") {
            let once = mask(&text).into_owned();
            prop_assert_eq!(once.chars().count(), text.chars().count());
            prop_assert_eq!(mask(&once).into_owned(), once);
        }
    }
}
