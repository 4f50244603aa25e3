//! The field table: what a schema set says about its documents, as plain data.
//!
//! It tells the order, the name, the type and the occurrence of every element and attribute, so
//! that the payload is filled from the schema and not by code for each field. It is read from the
//! XSD (see `reading.rs`) and judges nothing itself: the validator alone says what is valid.
//! Source: XML Schema 1.0 parts 1 and 2, in the shapes that event documents use.

/// An element where it stands in the document: its name, how often it may occur, what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The local name.
    pub name: String,
    /// The namespace it is written in; `None` for none (a local element of a schema whose
    /// `elementFormDefault` is unqualified).
    pub namespace: Option<String>,
    /// How often it must occur. 0 also where a group around it is optional.
    pub min: u32,
    /// How often it may occur; `None` is unbounded.
    pub max: Option<u32>,
    /// The only value it may have, where the schema fixes one.
    pub fixed: Option<String>,
    /// Its attributes, its own before the inherited ones.
    pub attributes: Vec<Attribute>,
    /// What it holds.
    pub content: Content,
}

impl Element {
    /// The child element of this local name, wherever it stands among the particles.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children().find(|child| child.name == name)
    }

    /// The child elements in document order, the options of a choice one after the other.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        let particles: &[Particle] = match &self.content {
            Content::Children(particles) => particles,
            Content::Simple(_) | Content::Empty => &[],
        };
        particles.iter().flat_map(Particle::elements)
    }

    /// The attribute of this local name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether it may occur more than once, as the event of a document does.
    pub fn is_repeated(&self) -> bool {
        self.max != Some(1)
    }
}

/// An attribute of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The local name.
    pub name: String,
    /// Whether the element must carry it.
    pub required: bool,
    /// The only value it may have, where the schema fixes one.
    pub fixed: Option<String>,
    /// The type of its value.
    pub simple: SimpleType,
    /// The namespace it is written in; `None` for none, the usual case.
    pub namespace: Option<String>,
}

/// What an element holds.
#[expect(
    clippy::large_enum_variant,
    reason = "most elements hold a text, and a set has some hundreds of them"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text of this type.
    Simple(SimpleType),
    /// Elements, in document order.
    Children(Vec<Particle>),
    /// Nothing.
    Empty,
}

/// One place in the order of an element's children.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every particle is an element, and a set has some hundreds of them"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Particle {
    /// This element.
    Element(Element),
    /// One of these elements, `min` to `max` times.
    Choice {
        /// How often a choice must be made; 0 also where an option may itself be absent.
        min: u32,
        /// How often it may be made; `None` is unbounded.
        max: Option<u32>,
        /// The elements to choose from.
        options: Vec<Element>,
    },
}

impl Particle {
    /// The element, or the options of the choice.
    pub fn elements(&self) -> &[Element] {
        match self {
            Self::Element(element) => std::slice::from_ref(element),
            Self::Choice { options, .. } => options,
        }
    }

    /// How often this place must be and may be filled.
    pub fn occurs(&self) -> (u32, Option<u32>) {
        match self {
            Self::Element(element) => (element.min, element.max),
            Self::Choice { min, max, .. } => (*min, *max),
        }
    }
}

/// The type of a text: where it comes from and what restricts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleType {
    /// The built-in type at the base; of a union that of its first member.
    pub kind: Kind,
    /// The words it admits, in schema order; of a union only where every member enumerates.
    pub enumeration: Option<Vec<String>>,
    /// What else restricts it, the restrictions of its bases included.
    pub facets: Facets,
    /// The member types of a union, in their order; empty for every other type.
    pub members: Vec<Self>,
    /// What happens to white space before the text is judged.
    pub whitespace: Whitespace,
}

/// The built-in type at the base of a simple type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `xs:string`.
    String,
    /// `xs:token`.
    Token,
    /// `xs:date`.
    Date,
    /// `xs:boolean`.
    Boolean,
    /// `xs:double`.
    Double,
    /// Any other built-in type, by its local name (`dateTime`, `decimal`); `list` for a list type
    /// of the schema's own.
    Other(String),
}

impl Kind {
    /// The kind of the built-in type with this local name.
    pub fn of(builtin: &str) -> Self {
        match builtin {
            "string" => Self::String,
            "token" => Self::Token,
            "date" => Self::Date,
            "boolean" => Self::Boolean,
            "double" => Self::Double,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The facets of a simple type, as the schema writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// The exact length, in characters.
    pub length: Option<u64>,
    /// The least length, in characters.
    pub min_length: Option<u64>,
    /// The greatest length, in characters.
    pub max_length: Option<u64>,
    /// The patterns: of each step of derivation one must match, and every step must be satisfied.
    pub patterns: Vec<Vec<String>>,
    /// The least value.
    pub min_inclusive: Option<String>,
    /// The greatest value.
    pub max_inclusive: Option<String>,
    /// The value that must be exceeded.
    pub min_exclusive: Option<String>,
    /// The value that must not be reached.
    pub max_exclusive: Option<String>,
    /// The greatest number of digits.
    pub total_digits: Option<u32>,
    /// The greatest number of digits after the point.
    pub fraction_digits: Option<u32>,
}

/// What happens to white space before a text is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whitespace {
    /// Nothing.
    Preserve,
    /// Tabs and line ends become spaces.
    Replace,
    /// Runs become one space, and none is left at either end.
    Collapse,
}
