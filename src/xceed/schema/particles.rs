//! Flattens the content model of a type into the order of the field table.
//!
//! Sequences inside sequences disappear, named groups are put where they are referred to, a choice
//! between elements stays one. What cannot be flattened is refused. Source: XML Schema 1.0 part 1,
//! sections 3.8 and 3.9.

use xsd_schema::arenas::{ComplexTypeDefData, ModelGroupData};
use xsd_schema::parser::frames::{
    Compositor, ElementFrameResult, ModelGroupDefResult, ParticleResult, ParticleTerm,
};
use xsd_schema::{ElementKey, ModelGroupKey, NameId, SchemaSet};

use super::field_table::{Element, Particle};
use super::reading::Reading;

/// How often something occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Occurs {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
}

impl Occurs {
    pub(super) const ONCE: Self = Self { min: 1, max: Some(1) };

    /// How often something inside something else occurs.
    fn times(self, inner: Self) -> Self {
        let max = match (self.max, inner.max) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(outer), Some(inner)) => Some(outer.saturating_mul(inner)),
            _ => None,
        };
        Self { min: self.min.saturating_mul(inner.min), max }
    }
}

/// A content model being walked: the declarations its elements were resolved to, in the order in
/// which the library met them, and how many of them have been passed.
pub(super) struct Group<'a> {
    declarations: &'a [Option<ElementKey>],
    passed: usize,
    target_namespace: Option<NameId>,
    open: Vec<ModelGroupKey>,
}

impl<'a> Group<'a> {
    /// The content model of a complex type.
    pub(super) fn of_type(data: &'a ComplexTypeDefData) -> Self {
        Self {
            declarations: &data.resolved_content_particle_elements,
            passed: 0,
            target_namespace: data.target_namespace,
            open: Vec::new(),
        }
    }

    fn of_group(data: &'a ModelGroupData, open: Vec<ModelGroupKey>) -> Self {
        Self {
            declarations: &data.resolved_particle_elements,
            passed: 0,
            target_namespace: data.target_namespace,
            open,
        }
    }

    /// Appends what `particle` stands for, inside something that occurs `outer` times.
    pub(super) fn walk(
        &mut self,
        reading: &mut Reading<'a>,
        particle: &'a ParticleResult,
        outer: Occurs,
        into: &mut Vec<Particle>,
    ) {
        let occurs = outer.times(Occurs { min: particle.min_occurs, max: particle.max_occurs });
        if occurs.max == Some(0) {
            self.passed += elements_in(particle);
            return;
        }
        match &particle.term {
            ParticleTerm::Element(element) => {
                into.extend(self.element(reading, element, particle, occurs).map(Particle::Element));
            }
            ParticleTerm::Any(wildcard) => {
                reading.refuse(wildcard.source.as_ref(), "wildcards (xs:any) are not supported for payloads");
            }
            ParticleTerm::Group(group) => self.group(reading, group, occurs, into),
        }
    }

    fn element(
        &mut self,
        reading: &mut Reading<'a>,
        element: &ElementFrameResult,
        particle: &ParticleResult,
        occurs: Occurs,
    ) -> Option<Element> {
        let local = self.declarations.get(self.passed).copied().flatten();
        self.passed += 1;
        let source = particle.source.as_ref().or(element.source.as_ref());
        let (key, namespace) = match &element.ref_name {
            Some(name) => (reading.set.lookup_element(name.namespace, name.local_name), None),
            None => (local, Some(self.namespace(reading.set, element, particle))),
        };
        if key.is_none() {
            reading.refuse(source, "an element declaration in it could not be resolved");
        }
        reading.element(key?, occurs, namespace)
    }

    fn namespace(
        &self,
        set: &SchemaSet,
        element: &ElementFrameResult,
        particle: &ParticleResult,
    ) -> Option<NameId> {
        set.effective_local_element_namespace(
            element.target_namespace,
            element.form.as_deref(),
            particle.source.as_ref().or(element.source.as_ref()),
            self.target_namespace,
        )
    }

    fn group(
        &mut self,
        reading: &mut Reading<'a>,
        group: &'a ModelGroupDefResult,
        occurs: Occurs,
        into: &mut Vec<Particle>,
    ) {
        let set = reading.set;
        let Some(name) = &group.ref_name else {
            let compositor = group.compositor.unwrap_or(Compositor::Sequence);
            return self.members(reading, compositor, &group.particles, occurs, into);
        };
        let found = set
            .lookup_model_group(name.namespace, name.local_name)
            .and_then(|key| Some((key, set.arenas.get_model_group(key)?)));
        let Some((key, data)) = found else {
            return reading.refuse(group.source.as_ref(), "a group in it could not be resolved");
        };
        if self.open.contains(&key) {
            return reading.refuse(
                group.source.as_ref(),
                "a group that contains itself (recursion) is not supported for payloads",
            );
        }
        let mut open = self.open.clone();
        open.push(key);
        let compositor = data.compositor.unwrap_or(Compositor::Sequence);
        Group::of_group(data, open).members(reading, compositor, &data.particles, occurs, into);
    }

    fn members(
        &mut self,
        reading: &mut Reading<'a>,
        compositor: Compositor,
        particles: &'a [ParticleResult],
        occurs: Occurs,
        into: &mut Vec<Particle>,
    ) {
        let source = particles.first().and_then(|particle| particle.source.as_ref());
        if compositor == Compositor::Choice {
            let mut options = Vec::new();
            for particle in particles {
                let mut option = Vec::new();
                self.walk(reading, particle, Occurs::ONCE, &mut option);
                if option.len() > 1 {
                    reading.refuse(
                        source,
                        "a choice between groups of several elements is not supported for payloads",
                    );
                }
                options.append(&mut option);
            }
            into.extend(choice(options, occurs));
            return;
        }
        let mut members = Vec::new();
        for particle in particles {
            self.walk(reading, particle, Occurs::ONCE, &mut members);
        }
        if occurs.max != Some(1) && members.len() > 1 {
            reading.refuse(source, "a repeated group of several elements is not supported for payloads");
        }
        into.extend(members.into_iter().map(|member| repeated(member, occurs)));
    }
}

/// A member of a sequence that itself occurs `occurs` times. The elements of an optional sequence
/// become optional one by one; that they belong together the validator still demands.
fn repeated(member: Particle, occurs: Occurs) -> Particle {
    match member {
        Particle::Element(mut element) => {
            let inner = Occurs { min: element.min, max: element.max };
            Occurs { min: element.min, max: element.max } = occurs.times(inner);
            Particle::Element(element)
        }
        Particle::Choice { min, max, options } => {
            let Occurs { min, max } = occurs.times(Occurs { min, max });
            Particle::Choice { min, max, options }
        }
    }
}

/// One choice between all of `options`. Choices inside it become part of it; where an option may
/// be absent, so may the choice.
fn choice(options: Vec<Particle>, occurs: Occurs) -> Option<Particle> {
    let mut elements: Vec<Element> = Vec::new();
    let mut occurs = occurs;
    for option in options {
        if option.occurs().0 == 0 {
            occurs.min = 0;
        }
        match option {
            Particle::Element(element) => elements.push(element),
            Particle::Choice { max, options, .. } => {
                occurs.max = occurs.times(Occurs { min: 1, max }).max;
                elements.extend(options);
            }
        }
    }
    match elements.len() {
        0 => None,
        1 => elements.pop().map(|element| repeated(Particle::Element(element), occurs)),
        _ => Some(Particle::Choice { min: occurs.min, max: occurs.max, options: elements }),
    }
}

/// How many declarations `particle` takes up in the library's list; a reference to a group has a
/// list of its own.
fn elements_in(particle: &ParticleResult) -> usize {
    match &particle.term {
        ParticleTerm::Element(_) => 1,
        ParticleTerm::Any(_) => 0,
        ParticleTerm::Group(group) => group.particles.iter().map(elements_in).sum(),
    }
}
