//! Finds out which elements and attributes of a refused document are missing, foreign or misplaced.
//!
//! The library says only that a child does not fit, says it again for every sibling that follows,
//! and looks at none of their values. So the children are compared with the field table here, and
//! the document is mended (foreign ones left out, missing ones put in empty) for a second look at
//! the values. It decides nothing: it is asked only where the library has refused.

use std::collections::HashSet;

use super::check::MAX_ERRORS;
use super::field_table::{Content, Element};
use super::mending::Mended;
use super::tree::{Node, positions};
use super::violations::{Place, Rule, Violation};

/// What was found, and the document as it would be without it.
#[derive(Debug)]
pub(super) struct Diagnosis {
    /// One for each element or attribute that is missing, foreign or misplaced.
    pub(super) violations: Vec<Violation>,
    /// The document without these faults.
    pub(super) mended: Mended,
    /// Places where the library refused and nothing was found.
    pub(super) unexplained: Vec<Place>,
}

/// Looks at the elements in `refused`, and at everything inside them.
pub(super) fn diagnose(tree: &Node<'_>, root: &Element, refused: &HashSet<Place>) -> Diagnosis {
    let mut diagnosing = Diagnosing {
        root,
        refused,
        place: Place { elements: vec![(tree.name.to_owned(), 1)], attribute: None },
        diagnosis: Diagnosis { violations: Vec::new(), mended: Mended::default(), unexplained: Vec::new() },
    };
    diagnosing.element(tree, root, false);
    diagnosing.diagnosis
}

/// The walk through a document beside the field table.
pub(super) struct Diagnosing<'a> {
    root: &'a Element,
    refused: &'a HashSet<Place>,
    place: Place,
    diagnosis: Diagnosis,
}

impl Diagnosing<'_> {
    fn element(&mut self, node: &Node<'_>, element: &Element, inside: bool) {
        let refused = self.refused.contains(&self.place);
        // An element that names its own type is not what the field table describes.
        let looked_at = (inside || refused) && !node.has_instance_type;
        let is_enough = self.count() >= MAX_ERRORS;
        if is_enough || !looked_at && !self.leads_to_refused() {
            self.diagnosis.mended.copy(node);
            return;
        }
        let before = self.count();
        if looked_at {
            self.attributes(node, element);
        }
        self.diagnosis.mended.open(node);
        match &element.content {
            Content::Children(particles) if looked_at => {
                self.children(node, particles, before, refused);
            }
            Content::Children(_) => self.follow(node, element),
            Content::Simple(_) | Content::Empty => self.foreign_children(node),
        }
        self.diagnosis.mended.close(node);
        if refused && self.count() == before {
            self.diagnosis.unexplained.push(self.place.clone());
        }
    }

    fn leads_to_refused(&self) -> bool {
        self.refused.iter().any(|place| place.elements.starts_with(&self.place.elements))
    }

    fn attributes(&mut self, node: &Node<'_>, element: &Element) {
        for attribute in element.attributes.iter().filter(|attribute| attribute.required) {
            let given = node.attributes.iter().any(|(namespace, name)| {
                *name == attribute.name && namespace.as_deref() == attribute.namespace.as_deref()
            });
            if !given {
                let place = Place { attribute: Some(attribute.name.clone()), ..self.place.clone() };
                self.take_down(&place, Rule::Required, "is required".to_owned());
            }
        }
    }

    /// An element on the way to a refused one: its own children are all in place.
    fn follow(&mut self, node: &Node<'_>, element: &Element) {
        for (position, child) in positions(node) {
            match element.child(child.name) {
                Some(known) => self.below(child, known, position, false),
                None => self.diagnosis.mended.copy(child),
            }
        }
    }

    fn foreign_children(&mut self, node: &Node<'_>) {
        for (position, child) in positions(node) {
            self.found(child.name, position, Rule::NotAllowed, "may hold no elements".to_owned());
        }
    }

    pub(super) fn below(&mut self, child: &Node<'_>, element: &Element, position: usize, inside: bool) {
        self.place.elements.push((child.name.to_owned(), position));
        self.element(child, element, inside);
        self.place.elements.pop();
    }

    pub(super) fn insert(&mut self, element: &Element, position: usize) {
        let mut place = self.place.clone();
        place.elements.push((element.name.clone(), position));
        self.diagnosis.mended.insert(element, place);
    }

    /// Takes down what is wrong with a child of the element that is being looked at.
    pub(super) fn found(&mut self, name: &str, position: usize, rule: Rule, message: String) {
        let mut place = self.place.clone();
        place.elements.push((name.to_owned(), position));
        self.take_down(&place, rule, message);
    }

    /// Takes down what is wrong with the element that is being looked at.
    pub(super) fn found_here(&mut self, rule: Rule, message: String) {
        let place = self.place.clone();
        self.take_down(&place, rule, message);
    }

    /// How much was found so far.
    pub(super) fn count(&self) -> usize {
        self.diagnosis.violations.len()
    }

    fn take_down(&mut self, place: &Place, rule: Rule, message: String) {
        if self.count() < MAX_ERRORS {
            let violation = place.violation(self.root, rule, message);
            self.diagnosis.violations.push(violation);
        }
    }
}
