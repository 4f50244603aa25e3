"""Reads a schema set (events.xsd, mapping.toml) and an API set (operations.toml, api.xsd) from their folders.

It is the oracle's own reader, written from the documented format of the sets; it is not the gateway's, shares no code
with it, and serves translate.py and check.py alone. Validation itself is left to libxml2 (lxml).
"""

import pathlib
import re
import tomllib
from dataclasses import dataclass, field

from lxml import etree

XS = "{http://www.w3.org/2001/XMLSchema}"
# What a required field without data is filled with, by the built-in type at its base.
FILL = {"string": "Unknown", "token": "Unknown", "date": "0000-00-00", "boolean": "False", "double": "-1.00"}


class BadSet(Exception):
    """The set can't be used: its own fault, not that of an event."""


def parse_xml(source):
    """Parses bytes without entities, without a DTD and without the network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    tree = etree.ElementTree(etree.fromstring(source, parser))
    if tree.docinfo.doctype:
        raise etree.XMLSyntaxError("a DOCTYPE is not allowed", 0, 0, 0)
    return tree


def collapse(text):
    """White space as a token has it: XML knows four such characters, Unicode knows more, which stay."""
    return " ".join(filter(None, re.split("[ \t\n\r]+", text)))


@dataclass
class Field:
    """A leaf of the event: an element with text."""

    path: str  # "EventId" or "Part/Element", as mapping.toml writes it
    tag: str  # in Clark notation, as lxml writes it
    required: bool
    kind: str  # the built-in type at the base
    words: frozenset | None  # the enumeration, if there is one
    sources: list = field(default_factory=list)

    @property
    def name(self):
        return self.path.rpartition("/")[2]


@dataclass
class Part:
    """A child of the event that has children: at most one of them is sent."""

    name: str
    tag: str
    fields: list
    event_types: list = field(default_factory=list)


@dataclass
class Document:
    """One XSD document and the namespace that it speaks for."""

    root: object
    target: str | None
    qualified: bool


class SchemaSet:
    """The event's fields and parts in the order of the XSD, joined with the mapping."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.schema = etree.XMLSchema(etree.parse(str(self.folder / "events.xsd")))
        self.globals = {}
        main = self._load(self.folder / "events.xsd", None, set())
        root = main.root.find(XS + "element")
        self.root_tag = self._tag(root, main, is_global=True)
        content = self._complex(root, main)
        self.root_attributes = {
            a.get("name"): a.get("fixed")
            for a in content[0].iter(XS + "attribute")
            if a.get("use") == "required"
        }
        event, document = self._deref(content[0].find(".//" + XS + "element"), content[1])
        self.event_tag = self._tag(event, document, is_global=event.getparent().tag == XS + "schema")
        self.children = []
        self._walk(*self._complex(event, document), "", True, self.children)
        self._join(tomllib.loads((self.folder / "mapping.toml").read_text()))

    def fields(self):
        """Every leaf in schema order."""
        for child in self.children:
            yield from child.fields if isinstance(child, Part) else [child]

    def parts(self):
        return [child for child in self.children if isinstance(child, Part)]

    def _load(self, path, including, seen):
        root = etree.parse(str(path)).getroot()
        target = root.get("targetNamespace", including)
        document = Document(root, target, root.get("elementFormDefault") == "qualified")
        if path in seen:
            return document
        seen.add(path)
        for child in root:
            if child.tag in (XS + "include", XS + "import"):
                inherited = target if child.tag == XS + "include" else None
                self._load(path.parent / child.get("schemaLocation"), inherited, seen)
            elif isinstance(child.tag, str) and child.get("name"):
                self.globals[child.tag, target, child.get("name")] = (child, document)
        return document

    def _find(self, tag, name, node, document):
        prefix, _, local = name.rpartition(":")
        namespace = node.nsmap.get(prefix or None, None if prefix else document.target)
        found = self.globals.get((XS + tag, namespace, local))
        if found is None:
            raise BadSet(f"{name} is not defined")
        return found

    def _deref(self, node, document):
        return self._find("element", node.get("ref"), node, document) if node.get("ref") else (node, document)

    @staticmethod
    def _tag(node, document, is_global):
        qualified = document.qualified if node.get("form") is None else node.get("form") == "qualified"
        namespace = document.target if is_global or qualified else None
        return f"{{{namespace}}}{node.get('name')}" if namespace else node.get("name")

    def _complex(self, node, document):
        """The complexType of an element with its document, or None where its type is simple."""
        inline = node.find(XS + "complexType")
        if inline is not None:
            return inline, document
        name = node.get("type")
        if name is None or self._builtin(name, node):
            return None
        prefix, _, local = name.rpartition(":")
        namespace = node.nsmap.get(prefix or None, None if prefix else document.target)
        return self.globals.get((XS + "complexType", namespace, local))

    @staticmethod
    def _builtin(name, node):
        prefix, _, local = name.rpartition(":")
        return local if node.nsmap.get(prefix or None) == XS[1:-1] else None

    def _walk(self, group, document, prefix, required, found):
        for node in group:
            if node.tag in (XS + "sequence", XS + "choice"):
                sure = required and node.tag == XS + "sequence" and node.get("minOccurs") != "0"
                self._walk(node, document, prefix, sure, found)
            elif node.tag == XS + "element":
                found.append(self._child(node, document, prefix, required and node.get("minOccurs") != "0"))

    def _child(self, particle, document, prefix, required):
        node, home = self._deref(particle, document)
        tag = self._tag(node, home, is_global=node is not particle)
        path = prefix + node.get("name")
        content = self._complex(node, home)
        if content is None:
            return Field(path, tag, required, *self._simple(node, home))
        fields = []
        self._walk(*content, path + "/", True, fields)
        return Part(path, tag, fields)

    def _simple(self, node, document):
        """(kind, enumeration) of an element, a restriction or a union's member."""
        inline = node.find(XS + "simpleType")
        name = node.get("type") or node.get("base")
        if inline is not None and name is None:
            return self._of_type(inline, document)
        if self._builtin(name, node):
            return self._builtin(name, node), None
        return self._of_type(*self._find("simpleType", name, node, document))

    def _of_type(self, simple, document):
        restriction, union = simple.find(XS + "restriction"), simple.find(XS + "union")
        if restriction is not None:
            kind, words = self._simple(restriction, document)
            own = frozenset(e.get("value") for e in restriction.iter(XS + "enumeration"))
            return kind, own or words
        first = (union.get("memberTypes") or "").split()[:1]
        if not first:
            return self._of_type(union.find(XS + "simpleType"), document)
        if self._builtin(first[0], union):
            return self._builtin(first[0], union), None
        # A union's enumerated first member does not limit the union, so only the kind counts.
        return self._of_type(*self._find("simpleType", first[0], union, document))[0], None

    def _join(self, mapping):
        self.display = mapping["display_fields"]
        by_path = {f.path: f for f in self.fields()}
        for path, sources in mapping["elements"].items():
            if path not in by_path:
                raise BadSet(f"mapping.toml names {path}, which the XSD has not")
            by_path[path].sources = [sources] if isinstance(sources, str) else sources
        by_name = {p.name: p for p in self.parts()}
        for name, event_types in mapping.get("parts", {}).items():
            by_name[name].event_types = event_types


class ApiSet:
    """The messages around the payload."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        data = tomllib.loads((folder / "operations.toml").read_text())
        self.schema = etree.XMLSchema(etree.parse(str(folder / "api.xsd")))
        self.namespace, self.qualified = data["namespace"], data["qualified"]
        self.upper, self.payload_style = data["hash"]["case"] == "upper", data["payload"]
        self.operations, self.results, self.callback = data["operations"], data["results"], data["callback"]

    def operation_of(self, tag):
        """(name, definition) of the operation whose request element this is, or None."""
        for name, operation in self.operations.items():
            if tag == f"{{{self.namespace}}}{operation['element']}":
                return name, operation
        return None

    def child_tag(self, name):
        return f"{{{self.namespace}}}{name}" if self.qualified else name
