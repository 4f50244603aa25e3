//! The XSD documents of a set: which of them are reached, what they may name, and how they compile.
//!
//! Everything is read from memory. A document reaches another only by a location that names one of
//! the given documents; no file is opened and no address is called. It does not read the compiled
//! model (`reading.rs`). Source: XML Schema 1.0 part 1, section 4.2.

use std::collections::BTreeMap;
use std::sync::Arc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use xsd_schema::validation::{SchemaValidator, ValidationFlags};
use xsd_schema::{
    LocationRequest, SchemaError, SchemaLoader, SchemaResolver, SchemaResult, SchemaSet, SchemaSetBuilder,
    XsdVersion, decode_xml_bytes,
};

/// The document that a set begins with.
pub(super) const ENTRY: &str = "events.xsd";

const XSD_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema";

/// Where the library believes the documents to be. A scheme of its own, so that it never takes a
/// location for a path and asks the file system about it.
const BASE: &str = "set:/";

/// The documents of one set that are reached from its entry, by file name.
#[derive(Debug, Clone)]
pub(super) struct Documents {
    texts: Arc<BTreeMap<String, String>>,
    folder: String,
}

impl Documents {
    /// Takes the documents that are reached from the entry, or says everything that is wrong.
    pub(super) fn gather(version: &str, mut given: BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<String>> {
        let folder = format!("xsd/{version}");
        let names: Vec<String> = given.keys().cloned().collect();
        let mut texts = BTreeMap::new();
        let mut problems = Vec::new();
        let mut waiting = vec![ENTRY.to_owned()];
        while let Some(name) = waiting.pop() {
            let Some(bytes) = given.remove(&name) else {
                if name == ENTRY && !texts.contains_key(ENTRY) {
                    problems.push(format!("{folder}/{ENTRY}: is missing; a set begins with it"));
                }
                continue;
            };
            let scanned = decode_xml_bytes(bytes)
                .map_err(|_| "is not UTF-8 or UTF-16 text".to_owned())
                .and_then(|text| scan(&text).map(|locations| (text, locations)));
            match scanned {
                Err(problem) => problems.push(format!("{folder}/{name}: {problem}")),
                Ok((text, locations)) => {
                    for location in locations {
                        match resolve(&name, &location).filter(|found| names.contains(found)) {
                            Some(found) => waiting.push(found),
                            None => problems.push(format!(
                                "{folder}/{name}: names the schema location \"{location}\", which \
                                 is not a file of this set; put the file beside {ENTRY} and name \
                                 it by its file name"
                            )),
                        }
                    }
                    texts.insert(name, text);
                }
            }
        }
        if problems.is_empty() { Ok(Self { texts: Arc::new(texts), folder }) } else { Err(problems) }
    }

    /// Compiles the set. The library reports the first error of a schema only.
    pub(super) fn compile(&self) -> Result<SchemaSet, Vec<String>> {
        let entry = self.texts.get(ENTRY).map_or("", String::as_str);
        let mut resolver = SchemaResolver::with_loader(Box::new(self.clone()));
        let documents = self.clone();
        resolver.set_location_rewriter(move |request: &LocationRequest<'_>, _: &SchemaResolver| {
            let name = match request.kind {
                None => Some(request.location.to_owned()),
                Some(_) => resolve(documents.name_at(request.base_uri), request.location),
            };
            let index = name.and_then(|name| documents.texts.keys().position(|key| *key == name));
            Some(index.map_or_else(|| format!("{BASE}unknown"), |index| format!("{BASE}{index}")))
        });
        let compiled = SchemaSetBuilder::with_resolver(resolver, XsdVersion::V1_0)
            .add_source(entry, ENTRY)
            .and_then(SchemaSetBuilder::compile)
            .map_err(|error| vec![self.sentence(&error)])?;
        let unread: Vec<String> = compiled
            .directive_failures()
            .iter()
            .map(|failure| {
                let location = failure.schema_location().unwrap_or("(none)");
                format!("{}: the schema location \"{location}\" was not read", self.folder)
            })
            .collect();
        if !unread.is_empty() {
            return Err(unread);
        }
        let set = compiled.into_schema_set();
        let unusable: Vec<String> = SchemaValidator::new(&set, ValidationFlags::empty())
            .content_model_failures()
            .into_iter()
            .map(|(_, reason)| format!("{}/{ENTRY}: {reason}", self.folder))
            .collect();
        if unusable.is_empty() { Ok(set) } else { Err(unusable) }
    }

    /// Whether the library read the entry of the set at this address.
    pub(super) fn is_entry(&self, base_uri: &str) -> bool {
        index_in(base_uri).is_some() && self.name_at(base_uri) == ENTRY
    }

    /// Where something stands, for a sentence: `xsd/1.0/events.xsd: line 12`.
    pub(super) fn place(&self, base_uri: &str, line: usize) -> String {
        format!("{}/{}: line {line}", self.folder, self.name_at(base_uri))
    }

    /// Where the set begins, for a sentence about the whole of it.
    pub(super) fn entry_place(&self) -> String {
        format!("{}/{ENTRY}", self.folder)
    }

    fn name_at(&self, address: &str) -> &str {
        index_in(address).and_then(|index| self.texts.keys().nth(index)).map_or(ENTRY, String::as_str)
    }

    /// The library's error as a sentence about one of our files.
    fn sentence(&self, error: &SchemaError) -> String {
        let mut text = match error {
            SchemaError::StructuralError { message, constraint, .. } => {
                format!("{message} ({constraint})")
            }
            other => other.to_string(),
        };
        let place = error.location().map_or_else(
            || self.entry_place(),
            |location| {
                text = text.replace(&format!(" at {location}"), "");
                self.place(&location.base_uri, location.line)
            },
        );
        // The highest first: an address may begin with another.
        for (index, name) in self.texts.keys().enumerate().rev() {
            text = text.replace(&format!("{BASE}{index}"), name);
        }
        format!("{place}: {text}")
    }
}

impl SchemaLoader for Documents {
    fn load(&self, location: &str) -> SchemaResult<String> {
        index_in(location)
            .and_then(|index| self.texts.values().nth(index))
            .cloned()
            .ok_or_else(|| SchemaError::resolution("it is not a document of this set"))
    }

    fn can_load(&self, location: &str) -> bool {
        location.starts_with(BASE)
    }
}

fn index_in(address: &str) -> Option<usize> {
    address.strip_prefix(BASE).and_then(|index| index.parse().ok())
}

/// The file name that `location` means in the document `base`; none where it leaves the set's
/// folder or is no relative path at all.
fn resolve(base: &str, location: &str) -> Option<String> {
    if location.starts_with('/') || location.contains([':', '\\']) {
        return None;
    }
    let mut segments: Vec<&str> = base.split('/').collect();
    segments.pop();
    for segment in location.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// The schema locations that an XSD document names; or why it is not taken at all.
fn scan(text: &str) -> Result<Vec<String>, String> {
    let mut reader = NsReader::from_str(text);
    let mut locations = Vec::new();
    loop {
        let (namespace, event) =
            reader.read_resolved_event().map_err(|error| format!("is not well-formed XML: {error}"))?;
        match event {
            Event::Eof => return Ok(locations),
            Event::DocType(_) => {
                return Err("has a DOCTYPE, which is not taken; remove it".to_owned());
            }
            Event::Start(tag) | Event::Empty(tag) if is_directive(&namespace, &tag) => {
                if let Ok(Some(location)) = tag.try_get_attribute("schemaLocation") {
                    locations.push(location.value.into_owned());
                }
            }
            _ => {}
        }
    }
}

fn is_directive(namespace: &ResolveResult<'_>, tag: &BytesStart<'_>) -> bool {
    matches!(namespace, ResolveResult::Bound(bound) if bound.0 == XSD_NAMESPACE)
        && ["include", "import", "redefine", "override"].contains(&tag.local_name().as_ref())
}

#[cfg(test)]
mod tests;
