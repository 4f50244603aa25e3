//! Compares the children of a refused element with what the schema has there.
//!
//! Each child is put where its name belongs; what is then too much, too little or left over is
//! taken down. The walk from element to element is elsewhere (`structure.rs`).

use super::field_table::{Element, Particle};
use super::structure::Diagnosing;
use super::tree::{Node, positions};
use super::violations::Rule;

/// Missing elements of one name that are put in; a schema may demand any number.
const MAX_INSERTED: usize = 100;

/// The children of one element, sorted into the places where the schema has them.
struct Sorted<'t, 'd> {
    slots: Vec<Vec<(usize, &'t Node<'d>)>>,
    /// For each child in document order the slot it went to.
    order: Vec<usize>,
    /// Names of children that are in another namespace than the schema has them: not missing too.
    misnamed: Vec<&'d str>,
}

impl Diagnosing<'_> {
    /// Compares the children of an element with its particles. `before` is what had been found
    /// before the element was looked at.
    pub(super) fn children(&mut self, node: &Node<'_>, particles: &[Particle], before: usize, refused: bool) {
        let sorted = self.sort(node, particles);
        for (particle, children) in particles.iter().zip(&sorted.slots) {
            match particle {
                Particle::Element(element) => {
                    let is_misnamed = sorted.misnamed.contains(&element.name.as_str());
                    self.fill(element, children, is_misnamed);
                }
                Particle::Choice { options, .. } => self.choose(options, particle, children),
            }
        }
        if refused && self.count() == before {
            self.misplaced(node, particles, &sorted.order);
        }
    }

    /// Puts each child where the schema has its name; what has no place there is a violation.
    fn sort<'t, 'd>(&mut self, node: &'t Node<'d>, particles: &[Particle]) -> Sorted<'t, 'd> {
        let slots = vec![Vec::new(); particles.len()];
        let mut sorted = Sorted { slots, order: Vec::new(), misnamed: Vec::new() };
        for (position, child) in positions(node) {
            let mut places = particles
                .iter()
                .enumerate()
                .filter(|(_, particle)| particle.elements().iter().any(|element| child.is(element)));
            let first = places.next();
            // The same name may have several places: the first with room takes it.
            let slot = first
                .into_iter()
                .chain(places)
                .find(|(slot, particle)| {
                    particle.occurs().1.is_none_or(|max| sorted.slots[*slot].len() < max as usize)
                })
                .or(first);
            match slot {
                Some((slot, _)) => {
                    sorted.slots[slot].push((position, child));
                    sorted.order.push(slot);
                }
                None => {
                    if self.foreign(child, position, particles) {
                        sorted.misnamed.push(child.name);
                    }
                }
            }
        }
        sorted
    }

    /// A child that the schema does not have here; whether it has one of that name in another
    /// namespace.
    fn foreign(&mut self, child: &Node<'_>, position: usize, particles: &[Particle]) -> bool {
        let namesake =
            particles.iter().flat_map(Particle::elements).find(|element| element.name == child.name);
        let message = match namesake.map(|element| element.namespace.as_deref()) {
            Some(Some(namespace)) => format!("must be in the namespace {namespace}"),
            Some(None) => "must be in no namespace".to_owned(),
            None => "is not an element that the schema has here".to_owned(),
        };
        self.found(child.name, position, Rule::NotAllowed, message);
        namesake.is_some()
    }

    fn fill(&mut self, element: &Element, children: &[(usize, &Node<'_>)], is_misnamed: bool) {
        let (min, max) = (element.min, element.max);
        for (index, (position, child)) in children.iter().enumerate() {
            if max.is_some_and(|max| index >= max as usize) {
                self.found(child.name, *position, Rule::Occurrence, at_most(max));
            } else {
                self.below(child, element, *position, true);
            }
        }
        let missing = (min as usize).saturating_sub(children.len());
        if missing == 0 {
            return;
        }
        let position = children.len() + 1;
        if children.is_empty() && !is_misnamed {
            self.found(&element.name, position, Rule::Required, "is required".to_owned());
        } else if !children.is_empty() {
            let message = format!("must occur at least {}", times(min));
            self.found(&element.name, 1, Rule::Occurrence, message);
        }
        for position in (position..).take(missing.min(MAX_INSERTED)) {
            self.insert(element, position);
        }
    }

    fn choose(&mut self, options: &[Element], particle: &Particle, children: &[(usize, &Node<'_>)]) {
        let (min, max) = particle.occurs();
        let names: Vec<&str> = options.iter().map(|option| option.name.as_str()).collect();
        let first = children.first().map(|(_, child)| child.name);
        for (index, (position, child)) in children.iter().enumerate() {
            let Some(option) = options.iter().find(|option| child.is(option)) else {
                continue;
            };
            let room = max.zip(option.max).map(|(max, each)| max.saturating_mul(each));
            if max == Some(1) && first != Some(child.name) {
                let message = format!("may not be given with the other: only one of {}", names.join(", "));
                self.found(child.name, *position, Rule::NotAllowed, message);
            } else if room.is_some_and(|room| index >= room as usize) {
                self.found(child.name, *position, Rule::Occurrence, at_most(room));
            } else {
                self.below(child, option, *position, true);
            }
        }
        if let (true, true, [option, ..]) = (children.is_empty(), min > 0, options) {
            let message = format!("must hold one of {}", names.join(", "));
            self.found_here(Rule::Required, message);
            self.insert(option, 1);
        }
    }

    /// All that is needed is there and nothing else: then something stands before its turn.
    fn misplaced(&mut self, node: &Node<'_>, particles: &[Particle], order: &[usize]) {
        let mut furthest = 0;
        for ((position, child), slot) in positions(node).zip(order) {
            if *slot < furthest {
                let names: Vec<&str> =
                    particles[furthest].elements().iter().map(|one| one.name.as_str()).collect();
                let message = format!("must come before {}", names.join(" or "));
                self.found(child.name, position, Rule::NotAllowed, message);
                return;
            }
            furthest = *slot;
        }
    }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn at_most(max: Option<u32>) -> String {
    format!("may occur at most {}", max.map_or_else(|| "as often as allowed".to_owned(), times))
}
