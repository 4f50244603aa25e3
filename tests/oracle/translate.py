#!/usr/bin/python3
"""Translates a JSON event into the expected payload: the oracle that the gateway's translation is held against.

Written from the rules alone (the reference model of the payload, its filling rules, the signature), never from the
gateway's code, and in another language, so that an agreement of both means something. It sends nothing.

  /usr/bin/python3 translate.py --schemas xsd [--tenant tenant.toml] event.json
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys
import tomllib
from dataclasses import dataclass, field

from lxml import etree

from display import display_fields
from sets import FILL, ApiSet, SchemaSet, collapse

DEFAULT_TENANT = {
    "platform_id": "3",
    "service_id": "210021",
    "secret_key": "311a5439c8bda8ef",
    "channel": "Wire",
    "channels": {},
    "schema": "1.0",
}
RECEIVED_AT = "2026-11-22T08:00:00Z"
SECTIONS = {
    "interaction": ("id", "platform", "agentId", "ani"),
    "customer": ("id", "tier", "accountId", "accountType"),
    "session": ("id", "ipAddress", "deviceId", "userAgent"),
    "transaction": ("id", "amount", "currency", "valueDate", "payee"),
    "challenge": ("method", "result"),
    "device": ("fingerprint", "userAgent"),
}
TOP = ("eventId", "eventType", "occurredAt", "outcome")
EVENT_ID = re.compile(r"[A-Za-z0-9._:~-]{1,128}")
MONEY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DEPTH = 32


class Malformed(Exception):
    """Not an event at all: 400."""


class Number(str):
    """A JSON number as it was written; money must never pass a binary float."""


@dataclass
class Translation:
    """What an event becomes, or which of its fields are refused."""

    event: object = None
    display: str | None = None
    defaulted: list = field(default_factory=list)
    refused: list = field(default_factory=list)


def parse_event(raw):
    """Reads strict UTF-8 JSON, keeping numbers as text; duplicate keys and depth are refused."""

    def no_twins(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Malformed("duplicate key")
        return dict(pairs)

    def constant(word):
        raise Malformed(f"{word} is not JSON")

    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        numbers = {"parse_float": Number, "parse_int": Number, "parse_constant": constant}
        event = json.loads(text, object_pairs_hook=no_twins, **numbers)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {type(error).__name__}") from None
    if not isinstance(event, dict):
        raise Malformed("not an object")
    if _depth(event) > DEPTH:
        raise Malformed(f"deeper than {DEPTH}")
    return event


def _depth(value):
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def line_ends(text):
    """As an XML parser hands them over, so that what is signed is what is read."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def channel_of(tenant, event_type):
    return tenant.get("channels", {}).get(event_type, tenant["channel"])


def translate(schema_set, tenant, event, received_at=RECEIVED_AT):
    """The one entry: an event of parse_event becomes the expected Event element, or the list of refused fields."""
    result = Translation()
    values = _facts(event, schema_set, result.refused)
    values["$channel"] = channel_of(tenant, event.get("eventType"))
    values["$receivedAt"] = received_at
    _fill(schema_set, values, event, result)
    result.refused = list(dict.fromkeys(result.refused))
    if result.refused:
        result.event = None
    return result


def _facts(event, schema_set, refused):
    """JSON path -> text of every scalar with data; what has the wrong type or an unknown name is refused."""
    mapped = {s for f in schema_set.fields() for s in f.sources}
    known = set(TOP) | {f"{s}.{m}" for s, members in SECTIONS.items() for m in members}
    sections = set(SECTIONS) | {path.partition(".")[0] for path in mapped if "." in path} | {"attributes"}
    numbers = {"transaction.amount"} | {s for f in schema_set.fields() if f.kind == "double" for s in f.sources}
    values = {}

    def take(path, value):
        if isinstance(value, str) and FORBIDDEN.search(value):
            # First of all: some of what XML forbids would pass as white space.
            refused.append(path)
            return
        if value is None or isinstance(value, str) and not value.strip():
            return
        if isinstance(value, (dict, list)):
            # An attribute that is no scalar is left out, unless an element was to take it.
            if not path.startswith("attributes.") or path in mapped:
                refused.append(path)
        elif path in numbers:
            if isinstance(value, Number) and MONEY.fullmatch(value):
                values[path] = str(value)
            else:
                refused.append(path)
        elif path in known and (isinstance(value, (Number, bool))):
            refused.append(path)
        elif isinstance(value, bool):
            values[path] = "true" if value else "false"
        else:
            values[path] = line_ends(value)

    for name, value in event.items():
        if name not in sections:
            if name in known or name in mapped:
                take(name, value)
            else:
                refused.append(name)
        elif isinstance(value, dict):
            for member, inner in value.items():
                path = f"{name}.{member}"
                if name != "attributes" and path not in known and path not in mapped:
                    refused.append(path)
                elif FORBIDDEN.search(member):
                    refused.append(path)
                else:
                    take(path, inner)
        elif value is not None:
            refused.append(name)
    for path in ("eventId", "eventType"):
        if path not in values:
            refused.append(path)
    if "eventId" in values and not EVENT_ID.fullmatch(values["eventId"]):
        refused.append("eventId")
    return values


def _fill(schema_set, values, event, result):
    part = _part_of(schema_set, values)
    replaced, surplus, origin, display_at = [], [], {}, None
    root = etree.Element(schema_set.root_tag, schema_set.root_attributes)
    node = etree.SubElement(root, schema_set.event_tag)

    def leaf(parent, spec):
        source, value = _data(spec, values)
        if source in ("$receivedAt", None) and (source or spec.required):
            result.defaulted.append(spec.name)
        if value is None:
            if not spec.required:
                return
            source, value = spec.sources[0] if spec.sources else spec.path, FILL.get(spec.kind)
            if value is None:
                result.refused.append(source)
                return
        elif spec.kind == "token" and spec.words is not None and collapse(value) not in spec.words:
            replaced.append((spec.name, value))
            value = "Other"
        child = etree.SubElement(parent, spec.tag)
        child.text = value
        origin[child] = source

    for child in schema_set.children:
        if child in schema_set.parts():
            if child is part:
                inner = etree.SubElement(node, child.tag)
                for spec in child.fields:
                    leaf(inner, spec)
            else:
                surplus += [(s.name, v) for s in child.fields if (v := _data(s, values)[1]) is not None]
        elif child.path == schema_set.display:
            display_at = (len(node), child.tag)
        else:
            leaf(node, child)

    mapped = {s for f in schema_set.fields() for s in f.sources}
    attributes = event.get("attributes") if isinstance(event.get("attributes"), dict) else {}
    open_to_all = [(n, p) for n in attributes if (p := f"attributes.{n}") in values and p not in mapped]
    unmapped = [(line_ends(name), values[path]) for name, path in open_to_all]
    result.display = display_fields(replaced + surplus + unmapped)
    if result.display is not None:
        child = etree.Element(display_at[1])
        child.text = result.display
        node.insert(display_at[0], child)
        origin[child] = "attributes"
    _validate(schema_set, root, origin, result.refused)
    result.event = root


def _part_of(schema_set, values):
    for part in schema_set.parts():
        if values.get("eventType") in part.event_types:
            return part
    with_data = (p for p in schema_set.parts() if any(_data(s, values)[0] for s in p.fields))
    return next(with_data, None)


def _data(spec, values):
    return next(((s, values[s]) for s in spec.sources if s in values), (None, None))


def _validate(schema_set, root, origin, refused):
    """Refuses by JSON field what libxml2 refuses by element; what was refused before leaves holes not worth a word."""
    holes = bool(refused)
    if schema_set.schema.validate(root):
        return
    prefixes = {p: ns for node in root.iter() for p, ns in node.nsmap.items()}
    for error in schema_set.schema.error_log:
        source = origin.get((root.xpath(error.path, namespaces=prefixes) or [None])[0])
        if source is not None:
            refused.append(source)
        elif not holes:
            raise AssertionError(f"the schema refuses what no field brought: {error.message}")


def sign(api_set, recipe, tenant, values):
    """The hash of a message: SHA-1 of the concatenation that the recipe names."""
    known = {k: tenant[k] for k in ("platform_id", "service_id", "secret_key")} | values
    digest = hashlib.sha1("".join(known.get(word, "") for word in recipe).encode("utf-8")).hexdigest()
    return digest.upper() if api_set.upper else digest


def load_tenant(path):
    """The default tenant with the keys of a tenant's table (.toml or .json) laid over it; secrets are plain here."""
    tenant = dict(DEFAULT_TENANT)
    if path is not None and pathlib.Path(path).exists():
        raw = pathlib.Path(path).read_text()
        tenant |= (json.loads(raw) if str(path).endswith(".json") else tomllib.loads(raw)).get("xceed", {})
    return tenant


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemas", default="xsd", help="folder with the schema sets and the API set")
    parser.add_argument("--tenant", help="tenant's table as .toml or .json, as far as it differs from the default")
    parser.add_argument("--operation", default="addEvent", help="operation whose hash is shown")
    parser.add_argument("event")
    options = parser.parse_args()
    tenant, folder = load_tenant(options.tenant), pathlib.Path(options.schemas)
    try:
        event = parse_event(pathlib.Path(options.event).read_bytes())
    except Malformed as error:
        sys.exit(f"400: {error}")
    result = translate(SchemaSet(folder / tenant["schema"]), tenant, event)
    if result.refused:
        print("422:", ", ".join(result.refused))
        sys.exit(1)
    # The hash belongs to this very text; another conforming serialisation has another.
    payload, api_set = etree.tostring(result.event, encoding="unicode"), ApiSet(folder / "api")
    values = {"payload": payload, "channel": channel_of(tenant, event["eventType"]), "num_events": "1"}
    print(payload)
    print("DisplayFields:", result.display)
    print("defaulted:", ", ".join(result.defaulted))
    print("hash of this text:", sign(api_set, api_set.operations[options.operation]["hash"], tenant, values))


if __name__ == "__main__":
    main()
