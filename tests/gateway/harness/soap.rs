//! XML as a tree, read with another parser than the gateway's.

use xml::reader::{EventReader, XmlEvent};

/// An element.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text between its tags, without that of its children.
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Node {
    /// The first element of this local name, at any depth.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// The text of the first element of this local name.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|node| node.text.as_str())
    }
}

/// Reads a document; `None` where it is none.
pub(crate) fn read_xml(text: &str) -> Option<Node> {
    let mut open = vec![Node::default()];
    for event in EventReader::from_str(text) {
        match event.ok()? {
            XmlEvent::StartElement { name, attributes, .. } => open.push(Node {
                namespace: name.namespace,
                name: name.local_name,
                attributes: attributes.into_iter().map(|a| (a.name.local_name, a.value)).collect(),
                ..Node::default()
            }),
            XmlEvent::EndElement { .. } => {
                let node = open.pop()?;
                open.last_mut()?.children.push(node);
            }
            XmlEvent::Characters(text) | XmlEvent::CData(text) | XmlEvent::Whitespace(text) => {
                open.last_mut()?.text.push_str(&text);
            }
            _ => {}
        }
    }
    open.pop()?.children.pop()
}
