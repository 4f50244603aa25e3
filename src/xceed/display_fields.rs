//! The display element: what no other element has room for, as `name=value | name=value | …`.
//! Source: FAQ 3 and 4 of the vendor's public developer page; escaping, masking and the limit are ours.

use crate::domain::card_number::mask;

/// The longest text, in characters.
pub const LENGTH_MAX: usize = 4000;
const BETWEEN: &str = " | ";

/// Collects pairs in the order in which they are to stand.
#[derive(Debug, Default)]
pub struct DisplayFields(Vec<String>);

impl DisplayFields {
    /// Adds a pair. Card numbers in it are masked before anything else.
    pub fn add(&mut self, name: &str, value: &str) {
        let mut pair = String::with_capacity(name.len() + value.len() + 1);
        push_escaped(&mut pair, name);
        pair.push('=');
        push_escaped(&mut pair, value);
        self.0.push(pair);
    }

    /// The text; where it would be too long, whole pairs are dropped from the end and counted. `None` without a pair.
    pub fn text(&self) -> Option<String> {
        let lengths: Vec<usize> = self.0.iter().map(|pair| pair.chars().count()).collect();
        let joined =
            |kept: usize| lengths[..kept].iter().sum::<usize>() + BETWEEN.len() * kept.saturating_sub(1);
        let all = self.0.len();
        if joined(all) <= LENGTH_MAX {
            return (all > 0).then(|| self.0.join(BETWEEN));
        }
        let note = |dropped: usize| format!("Truncated={dropped}");
        let fits = |kept: &usize| {
            let between = if *kept > 0 { BETWEEN.len() } else { 0 };
            joined(*kept) + between + note(all - kept).len() <= LENGTH_MAX
        };
        let kept = (0..all).rev().find(fits).unwrap_or(0);
        let mut pairs: Vec<&str> = self.0[..kept].iter().map(String::as_str).collect();
        let note = note(all - kept);
        pairs.push(&note);
        Some(pairs.join(BETWEEN))
    }
}

/// `%` escapes what separates, itself included.
fn push_escaped(out: &mut String, text: &str) {
    for c in mask(text).chars() {
        match c {
            '%' => out.push_str("%25"),
            '|' => out.push_str("%7C"),
            '=' => out.push_str("%3D"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<String> {
        let mut fields = DisplayFields::default();
        pairs.iter().for_each(|(name, value)| fields.add(name, value));
        fields.text()
    }

    #[test]
    fn separators_are_escaped_and_cards_are_masked() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("a=b", "1|2%")]).as_deref(), Some("a%3Db=1%7C2%25"));
        let text = of(&[("Card", "4111111111111111"), ("n", "")]);
        assert_eq!(text.as_deref(), Some("Card=************1111 | n="));
    }

    #[test]
    fn whole_pairs_are_dropped_from_the_end_and_counted() {
        let long = "é".repeat(1995);
        let text = of(&[("a", &long), ("b", &long), ("c", "x")]).expect("a text");
        assert_eq!(text, format!("a={long} | Truncated=2"));
        let exact = "x".repeat(LENGTH_MAX - 2);
        assert_eq!(of(&[("a", &exact)]), Some(format!("a={exact}")));
        assert_eq!(of(&[("a", &format!("{exact}x"))]).as_deref(), Some("Truncated=1"));
    }
}
