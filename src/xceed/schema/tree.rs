//! A well-formed document as a tree of names and byte ranges, for the diagnosis of a refused one.
//!
//! It is made of documents that the validator has read, though not always to their end; so it
//! counts for itself how deep and how many its nodes are. It holds no text and is thrown away with
//! the answer.

use std::collections::HashMap;
use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::check::{MAX_DEPTH, MAX_NODES};
use super::field_table::Element;

const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element of the document.
#[derive(Debug)]
pub(super) struct Node<'d> {
    /// The local name.
    pub(super) name: &'d str,
    /// The namespace; `None` for none.
    pub(super) namespace: Option<Rc<str>>,
    /// Local names of its attributes, with their namespaces.
    pub(super) attributes: Vec<(Option<Rc<str>>, String)>,
    /// Whether it says of itself which type it has, or that it is nil.
    pub(super) has_instance_type: bool,
    /// From its `<` to the `>` of its start tag.
    pub(super) opening: &'d str,
    /// Text, comments and instructions between its children, as written.
    pub(super) between: Vec<&'d str>,
    /// Its child elements.
    pub(super) children: Vec<Self>,
    /// The whole of it, end tag included.
    pub(super) whole: &'d str,
}

impl Node<'_> {
    /// Whether it has the name of this element of the schema.
    pub(super) fn is(&self, element: &Element) -> bool {
        self.name == element.name && self.namespace.as_deref() == element.namespace.as_deref()
    }
}

/// The root element; none where the document is not well-formed after all, or too large.
pub(super) fn parse(document: &str) -> Option<Node<'_>> {
    let mut reader = NsReader::from_str(document);
    let mut open: Vec<(Node<'_>, usize)> = Vec::new();
    let mut known = Vec::new();
    let mut start = 0;
    let mut events = 0;
    loop {
        events += 1;
        if open.len() > MAX_DEPTH || events > 2 * MAX_NODES {
            return None;
        }
        let (namespace, event) = reader.read_resolved_event().ok()?;
        let namespace = intern(&namespace, &mut known);
        let end = usize::try_from(reader.buffer_position()).ok()?;
        let raw = document.get(start..end)?;
        let closed = match event {
            Event::Start(tag) => {
                open.push((node(&reader, raw, namespace, &tag, &mut known)?, start));
                None
            }
            Event::Empty(tag) => Some((node(&reader, raw, namespace, &tag, &mut known)?, start)),
            Event::End(_) => open.pop(),
            Event::Eof => return None,
            _ => {
                if let Some((parent, _)) = open.last_mut() {
                    parent.between.push(raw);
                }
                None
            }
        };
        if let Some((mut node, from)) = closed {
            node.whole = document.get(from..end)?;
            match open.last_mut() {
                Some((parent, _)) => parent.children.push(node),
                None => return Some(node),
            }
        }
        start = end;
    }
}

fn node<'d>(
    reader: &NsReader<&'d [u8]>,
    opening: &'d str,
    namespace: Option<Rc<str>>,
    tag: &BytesStart<'_>,
    known: &mut Vec<Rc<str>>,
) -> Option<Node<'d>> {
    let name = local(opening.get(1..=tag.name().as_ref().len())?);
    let mut attributes = Vec::new();
    let mut has_instance_type = false;
    for attribute in tag.attributes().with_checks(false) {
        let key = attribute.ok()?.key;
        if key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, _) = reader.resolver().resolve_attribute(key);
        if matches!(namespace, ResolveResult::Bound(Namespace(XSI_NAMESPACE))) {
            has_instance_type = true;
            continue;
        }
        attributes.push((intern(&namespace, known), local(key.as_ref()).to_owned()));
    }
    Some(Node {
        name,
        namespace,
        attributes,
        has_instance_type,
        opening,
        between: Vec::new(),
        children: Vec::new(),
        whole: opening,
    })
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The namespace as shared text: a document has few of them and many elements.
fn intern(namespace: &ResolveResult<'_>, known: &mut Vec<Rc<str>>) -> Option<Rc<str>> {
    let &ResolveResult::Bound(Namespace(name)) = namespace else {
        return None;
    };
    if let Some(found) = known.iter().find(|known| known.as_ref() == name) {
        return Some(Rc::clone(found));
    }
    let namespace: Rc<str> = name.into();
    known.push(Rc::clone(&namespace));
    Some(namespace)
}

/// The children with their positions among siblings of the same name, from one.
pub(super) fn positions<'t, 'd>(node: &'t Node<'d>) -> impl Iterator<Item = (usize, &'t Node<'d>)> {
    let mut counts: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    node.children.iter().map(move |child| {
        let count = counts.entry((child.name, child.namespace.as_deref())).or_default();
        *count += 1;
        (*count, child)
    })
}
