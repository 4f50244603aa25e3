//! Which field of the JSON event feeds which element of the payload: `mapping.toml`, compiled against the field table
//! when the set is loaded. Order, types, what is required and what is enumerated come from the XSD alone.

use super::schema::{Content, Element, Kind, Particle, SchemaSet, SimpleType};
use crate::domain::event::{Members, Shape};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The word that stands for a token outside its enumeration.
pub const OTHER: &str = "Other";

/// How a payload of one schema set is filled: places in document order.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// From the root's start tag to the event's.
    pub(super) head: String,
    /// From the event's end tag to the root's.
    pub(super) tail: String,
    pub(super) places: Vec<Place>,
    pub(super) members: Members,
    /// Members of open groups that feed an element, so that they are not sent a second time.
    pub(super) mapped_attributes: Vec<String>,
}

/// A place among the event's children.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Field(Slot),
    Part(Part),
    Display(Tags),
}

/// An element that holds text, and where that comes from.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) element: String,
    pub(super) tags: Tags,
    pub(super) required: bool,
    pub(super) kind: Kind,
    /// The words that a token admits, where it can be replaced by [`OTHER`].
    pub(super) words: Option<Vec<String>>,
    pub(super) sources: Vec<Source>,
}

impl Slot {
    /// The JSON paths that feed it, the first first.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter_map(|source| match source {
            Source::Path(path) => Some(path.as_str()),
            Source::Channel | Source::ReceivedAt => None,
        })
    }
}

/// A part: an element of its own with the data of one kind of event.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) element: String,
    pub(super) tags: Tags,
    pub(super) slots: Vec<Slot>,
    pub(super) event_types: Vec<String>,
}

/// An element's start and end tag.
#[derive(Clone, Debug)]
pub(super) struct Tags {
    pub(super) open: String,
    pub(super) close: String,
}

/// Where an element's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON path.
    Path(String),
    /// The channel's word.
    Channel,
    /// The time of receipt.
    ReceivedAt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    display_fields: Option<String>,
    #[serde(default)]
    elements: BTreeMap<String, Feeds>,
    #[serde(default)]
    parts: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Feeds {
    One(String),
    FirstWithData(Vec<String>),
}

impl Feeds {
    fn sources(&self) -> Vec<Source> {
        let all = match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::FirstWithData(sources) => sources,
        };
        let source = |text: &String| match text.as_str() {
            "$channel" => Source::Channel,
            "$receivedAt" => Source::ReceivedAt,
            path => Source::Path(path.to_owned()),
        };
        all.iter().map(source).collect()
    }
}

impl Mapping {
    /// Compiles a mapping.
    ///
    /// # Errors
    /// Everything that is wrong with it, each a sentence that names the element.
    pub fn compile(text: &str, set: &SchemaSet) -> Result<Self, Vec<String>> {
        let document: Document =
            toml::from_str(text).map_err(|e| vec![e.to_string().trim_end().to_owned()])?;
        let mut compiler = Compiler { document, errors: Vec::new(), used: Vec::new() };
        let mapping = compiler.mapping(set);
        compiler.check_leftovers();
        match mapping {
            Some(mapping) if compiler.errors.is_empty() => Ok(mapping),
            _ => Err(compiler.errors),
        }
    }

    /// The members that an event may have with this mapping.
    pub fn members(&self) -> &Members {
        &self.members
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.places.iter().filter_map(|place| if let Place::Part(part) = place { Some(part) } else { None })
    }

    /// All elements that hold text, in document order.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.places.iter().flat_map(|place| match place {
            Place::Field(slot) => std::slice::from_ref(slot),
            Place::Part(part) => &part.slots,
            Place::Display(_) => &[],
        })
    }

    /// The element that a JSON path feeds.
    pub(super) fn element_of(&self, path: &str) -> Option<&str> {
        self.slots().find(|slot| slot.paths().any(|own| own == path)).map(|slot| slot.element.as_str())
    }
}

struct Compiler {
    document: Document,
    errors: Vec<String>,
    used: Vec<String>,
}

impl Compiler {
    fn mapping(&mut self, set: &SchemaSet) -> Option<Mapping> {
        let root = set.document();
        let event = match &root.content {
            Content::Children(children) => match children.as_slice() {
                [Particle::Element(event)] => event,
                _ => return self.refuse("the root element must hold events and nothing else"),
            },
            _ => return self.refuse("the root element must hold events"),
        };
        let Content::Children(children) = &event.content else {
            return self.refuse(&format!("{} must hold elements", event.name));
        };
        let root_tags = tags(root, None, &self.root_attributes(root));
        let event_tags = tags(event, root.namespace.as_deref(), "");
        if event.attributes.iter().any(|attribute| attribute.required) {
            self.errors.push(format!("{}: required attributes of the event are not supported", event.name));
        }
        let mut places = Vec::new();
        for particle in children {
            self.place(particle, event, &mut places);
        }
        let mut mapping = Mapping {
            head: root_tags.open + &event_tags.open,
            tail: event_tags.close + &root_tags.close,
            places,
            members: Members::default(),
            mapped_attributes: Vec::new(),
        };
        let mut members = Members::default();
        let mut attributes = Vec::new();
        for slot in mapping.slots() {
            for path in slot.paths() {
                members.add(path, shape(&slot.kind));
                attributes.extend(path.strip_prefix("attributes.").map(str::to_owned));
            }
        }
        mapping.members = members;
        mapping.mapped_attributes = attributes;
        Some(mapping)
    }

    fn refuse<T>(&mut self, why: &str) -> Option<T> {
        self.errors.push(why.to_owned());
        None
    }

    /// The attributes that every document carries: those that the schema requires and fixes.
    fn root_attributes(&mut self, root: &Element) -> String {
        let mut text = String::new();
        for attribute in root.attributes.iter().filter(|attribute| attribute.required) {
            match &attribute.fixed {
                Some(value) => {
                    let value = quick_xml::escape::escape(value.as_str());
                    text.push_str(&format!(" {}=\"{value}\"", attribute.name));
                }
                None => self.errors.push(format!(
                    "{}: the required attribute {} has no fixed value, so nothing says what to send",
                    root.name, attribute.name
                )),
            }
        }
        text
    }

    fn place(&mut self, particle: &Particle, event: &Element, places: &mut Vec<Place>) {
        match particle {
            Particle::Element(element) => match &element.content {
                Content::Simple(_) if self.document.display_fields.as_deref() == Some(&element.name) => {
                    self.used.push(element.name.clone());
                    places.push(Place::Display(tags(element, event.namespace.as_deref(), "")));
                }
                Content::Simple(simple) => {
                    places.extend(self.slot(element, simple, event, "").map(Place::Field));
                }
                Content::Children(_) if element.min == 0 => places.extend(self.part(element, event)),
                _ => self.errors.push(format!("{}: a part must be optional and hold elements", element.name)),
            },
            Particle::Choice { min: 0, options, .. } => {
                for option in options {
                    places.extend(self.part(option, event));
                }
            }
            Particle::Choice { options, .. } => {
                let names: Vec<_> = options.iter().map(|option| option.name.as_str()).collect();
                self.errors.push(format!("the choice of {} must be optional", names.join(", ")));
            }
        }
    }

    fn part(&mut self, element: &Element, event: &Element) -> Option<Place> {
        let Content::Children(children) = &element.content else {
            return self.refuse(&format!("{}: a part must hold elements", element.name));
        };
        let mut slots = Vec::new();
        for particle in children {
            match particle {
                Particle::Element(field) => match &field.content {
                    Content::Simple(simple) => {
                        slots.extend(self.slot(field, simple, element, &format!("{}/", element.name)));
                    }
                    _ => self.errors.push(format!("{}/{} must hold text", element.name, field.name)),
                },
                Particle::Choice { .. } => {
                    self.errors.push(format!("{}: a choice inside a part is not supported", element.name));
                }
            }
        }
        let event_types = self.document.parts.remove(&element.name).unwrap_or_default();
        Some(Place::Part(Part {
            element: element.name.clone(),
            tags: tags(element, event.namespace.as_deref(), ""),
            slots,
            event_types,
        }))
    }

    fn slot(
        &mut self,
        element: &Element,
        simple: &SimpleType,
        parent: &Element,
        above: &str,
    ) -> Option<Slot> {
        let key = format!("{above}{}", element.name);
        let sources = self.document.elements.get(&key).map(Feeds::sources).unwrap_or_default();
        self.used.push(key.clone());
        if element.is_repeated() {
            return self.refuse(&format!("{key}: an element that repeats is not supported"));
        }
        if element.min > 0 && sources.is_empty() && matches!(simple.kind, Kind::Other(_)) {
            return self.refuse(&format!("{key} is required, and nothing feeds it: add it to [elements]"));
        }
        if sources.is_empty() && element.min == 0 {
            return None; // never sent
        }
        let replaceable =
            |words: &&Vec<String>| simple.kind == Kind::Token && words.iter().any(|w| w == OTHER);
        Some(Slot {
            element: element.name.clone(),
            tags: tags(element, parent.namespace.as_deref(), ""),
            required: element.min > 0,
            kind: simple.kind.clone(),
            words: simple.enumeration.as_ref().filter(replaceable).cloned(),
            sources,
        })
    }

    /// Names in the mapping that no element bears.
    fn check_leftovers(&mut self) {
        let named = self.document.elements.keys().chain(&self.document.display_fields);
        let strangers = named.filter(|name| !self.used.contains(name)).collect::<Vec<_>>();
        for name in strangers {
            let near = self.used.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
            let hint = near.map(|near| format!("; the nearest element is {near}")).unwrap_or_default();
            self.errors.push(format!("{name}: the schema has no such element{hint}"));
        }
        for part in self.document.parts.keys() {
            self.errors.push(format!("[parts] {part}: the schema has no such part"));
        }
    }
}

/// What a member must be that feeds an element of this kind. Members of the published shape keep their own.
fn shape(kind: &Kind) -> Shape {
    match kind {
        Kind::Double => Shape::Money,
        Kind::Boolean => Shape::Boolean,
        Kind::String | Kind::Token | Kind::Date | Kind::Other(_) => Shape::Text,
    }
}

/// The tags of an element; its namespace is declared where it differs from its parent's.
fn tags(element: &Element, parent: Option<&str>, attributes: &str) -> Tags {
    let name = &element.name;
    let declaration = if element.namespace.as_deref() == parent {
        String::new()
    } else {
        let namespace = quick_xml::escape::escape(element.namespace.as_deref().unwrap_or_default());
        format!(" xmlns=\"{namespace}\"")
    };
    Tags { open: format!("<{name}{declaration}{attributes}>"), close: format!("</{name}>") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xceed::schema::SchemaSet;

    fn shipped() -> SchemaSet {
        let file = |name: &str| (name.to_owned(), std::fs::read(format!("xsd/1.0/{name}")).expect("shipped"));
        SchemaSet::load("1.0", [file("events.xsd"), file("types.xsd")].into()).expect("sound")
    }

    #[test]
    fn the_shipped_mapping_feeds_every_element() {
        let mapping =
            Mapping::compile(&std::fs::read_to_string("xsd/1.0/mapping.toml").expect("shipped"), &shipped())
                .expect("sound");
        assert_eq!(mapping.head, r#"<Events xmlns="urn:xceed:events:1.0" version="1.0"><Event>"#);
        assert_eq!(mapping.tail, "</Event></Events>");
        assert!(mapping.slots().all(|slot| !slot.sources.is_empty()));
        assert_eq!(mapping.parts().count(), 3);
        assert_eq!(mapping.element_of("transaction.amount"), Some("Amount"));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let text =
            "display_fields = 'DisplayField'\n[elements]\nEventIdd = 'eventId'\n[parts]\nTransfer = []";
        let errors = Mapping::compile(text, &shipped()).expect_err("broken");
        let all = errors.join("\n");
        for part in
            ["DisplayField: ", "nearest element is EventId", "[parts] Transfer", "EventTime is required"]
        {
            assert!(all.contains(part), "{part} in {all}");
        }
        assert!(Mapping::compile("elements = 3", &shipped()).is_err());
    }
}
