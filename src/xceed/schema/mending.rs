//! Writes a refused document anew, without the faults that hide others.
//!
//! What is in order is copied as it stands. The result is validated once and thrown away: it is
//! never sent. What belongs where is known elsewhere (`structure.rs`).

use std::collections::HashSet;

use quick_xml::escape::escape;

use super::field_table::Element;
use super::tree::Node;
use super::violations::Place;

/// The mended document, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// Its text.
    pub(super) text: String,
    /// Places of the elements that were put in: they hold nothing, and errors there mean nothing.
    pub(super) inserted: HashSet<Place>,
}

impl Mended {
    /// Copies an element with everything in it.
    pub(super) fn copy(&mut self, node: &Node<'_>) {
        self.text.push_str(node.whole);
    }

    /// Opens an element whose children are written one by one, with the text it has itself.
    pub(super) fn open(&mut self, node: &Node<'_>) {
        match node.opening.strip_suffix("/>") {
            Some(tag) => {
                self.text.push_str(tag);
                self.text.push('>');
            }
            None => self.text.push_str(node.opening),
        }
        node.between.iter().for_each(|text| self.text.push_str(text));
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self, node: &Node<'_>) {
        let name = node.opening.trim_start_matches('<');
        let end = name.find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(name.len());
        self.text.push_str("</");
        self.text.push_str(&name[..end]);
        self.text.push('>');
    }

    /// Puts in an element that is missing, empty.
    pub(super) fn insert(&mut self, element: &Element, place: Place) {
        let namespace = escape(element.namespace.as_deref().unwrap_or_default());
        self.text.push_str(&format!("<{} xmlns=\"{namespace}\"/>", element.name));
        self.inserted.insert(place);
    }
}
