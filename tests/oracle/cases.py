"""What live.py submits: the events of the fixtures, and hostile text in every field of an event, to three tenants.

Only what goes in stands here; what should come out is for the oracle to say.
"""

import copy
import dataclasses
import itertools
import json
import pathlib
import zlib

from gateway import Tenant
from naughty import CARRIED, FORBIDDEN, HALVES

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures/contract"
# Stands in every event, and must stand in no log.
PRIVATE = "C-PRIVATE-7141"

TENANTS = [
    Tenant("plain", {"platform_id": "3", "service_id": "210021", "secret_key": "311a5439c8bda8ef", "schema": "1.0"}),
    Tenant("newer", {"platform_id": "4", "service_id": "77", "secret_key": "00112233445566778899aab", "schema": "1.1"}),
    Tenant(
        "channels",
        {
            "platform_id": "5",
            "service_id": "123456789012",
            "secret_key": "f" * 64,
            "schema": "1.0",
            "channel": "OLBBusiness",
            "channels": {"ACHTransfer": "ACH", "WireTransfer": "Wire", "MFAChallenge": "Phone", "Other": "Branch"},
        },
    ),
]

EVENT = {
    "occurredAt": "2026-11-22T08:00:00Z",
    "outcome": "Success",
    "interaction": {"id": "123456789", "platform": "cxone", "agentId": "a-17", "ani": "+15550100"},
    "customer": {"id": PRIVATE, "tier": "new", "accountId": "000123", "accountType": "Checking"},
    "session": {"id": "s-1", "ipAddress": "203.0.113.7", "deviceId": "d-9", "userAgent": "Browser/1"},
}
TRANSACTION = {"id": "T-1", "amount": 12500, "currency": "USD", "valueDate": "2026-11-23", "payee": "ACME Ltd"}
# The part that a field belongs to, and an event type that it goes with.
PARTS = {
    "transaction": ("WireTransfer", TRANSACTION),
    "challenge": ("MFAChallenge", {"method": "SMS", "result": "Passed"}),
    "device": ("DeviceRegister", {"fingerprint": "f-1", "userAgent": "Phone/2"}),
}
FREE_TEXT = [
    "outcome",
    *(f"interaction.{m}" for m in ("id", "platform", "agentId", "ani")),
    *(f"customer.{m}" for m in ("id", "tier", "accountId", "accountType")),
    *(f"session.{m}" for m in ("id", "ipAddress", "deviceId", "userAgent")),
    *(f"transaction.{m}" for m in ("id", "payee")),
    *(f"challenge.{m}" for m in ("method", "result")),
    *(f"device.{m}" for m in ("fingerprint", "userAgent")),
]
FORMED_TEXT = ["eventId", "eventType", "occurredAt", "transaction.currency", "transaction.valueDate"]
# Well-formed ids that a path, a parser or a table could stumble over.
EVENT_IDS = [".", "..", "...", "-", "--", "~", ":", "_", "a:b:c", "0", "00", "-1", "null", "NaN", "1e9", "raw"]
EVENT_IDS += ["i" * 128, "i" * 129]


@dataclasses.dataclass
class Case:
    """One submission: to whom, what, and the text that is hostile in it, with its field, where there is just one."""

    name: str
    tenant: Tenant
    body: bytes
    field: str | None = None
    text: str | None = None
    said: object = None  # what Xceed answers, where that is known beforehand


def all_cases():
    yield from fixture_cases()
    for event_id in EVENT_IDS:
        event = base_event("customer.id", event_id)
        yield Case(f"id {event_id}", TENANTS[0], in_json(event, event_id), "eventId", event_id)
    tenants = itertools.cycle(TENANTS)
    for label, text in (CARRIED | FORBIDDEN | HALVES).items():
        for field in FREE_TEXT + FORMED_TEXT + ["transaction.amount"]:
            yield naughty_case(next(tenants), label, field, text)
        # Else each field would meet each text at the same tenant.
        next(tenants)
        for tenant in TENANTS:
            yield everywhere_case(tenant, label, text)
        for field in ("attributes.<value>", "attributes.<name>", "<member>", "<section>", "transaction.<member>"):
            yield naughty_case(next(tenants), label, field, text)


def fixture_cases():
    """Every event of the fixtures, to each tenant; the oracle knows which tenant must refuse it."""
    for folder in case_folders():
        source = next(p for p in (folder / "1-event.json", folder / "1-event.txt") if p.exists())
        for tenant in TENANTS:
            # The same bytes but for the id.
            event_id = f'"{folder.name}.{tenant.name}"'
            fresh = source.read_bytes().replace(f'"{folder.name}"'.encode(), event_id.encode(), 1)
            yield Case(f"{folder.name} at {tenant.name}", tenant, fresh)


def case_folders():
    return sorted(p for p in FIXTURES.iterdir() if p.is_dir())


def base_event(field, event_id):
    """An event whose elements take the field; each has a customer of its own, so that none waits for another."""
    section = field.partition(".")[0]
    event_type, part = PARTS.get(section, ("Login", None))
    event = {"eventId": event_id, "eventType": event_type} | copy.deepcopy(EVENT)
    event["customer"]["id"] = f"{PRIVATE}.{zlib.crc32(event_id.encode()):08x}"
    return event | ({section: dict(part)} if part else {})


def naughty_case(tenant, label, field, text):
    event = base_event(field, f"{label}.{field.replace('<', '').replace('>', '')}.{tenant.name}")
    if field == "attributes.<value>":
        event["attributes"] = {"Note": text, "After": "a"}
    elif field == "attributes.<name>":
        event["attributes"] = {"Before": "b", text: "value"}
    elif field in ("<member>", "<section>"):
        event[text] = "a" if field == "<member>" else {"a": "b"}
    else:
        section, _, member = field.rpartition(".")
        target = event.setdefault(section, {}) if section else event
        target[text if member == "<member>" else member] = text
    return Case(f"{label} in {field} at {tenant.name}", tenant, in_json(event, label + field), field, text)


def everywhere_case(tenant, label, text):
    event = base_event("customer.id", f"{label}.everywhere.{tenant.name}") | {n: dict(p) for n, (_, p) in PARTS.items()}
    for field in FREE_TEXT:
        section, _, member = field.rpartition(".")
        (event[section] if section else event)[member] = text
    event["attributes"] = {"Note": text, text: "value", "List": [text], "After": text}
    return Case(f"{label} everywhere at {tenant.name}", tenant, in_json(event, label + tenant.name))


def in_json(event, seed):
    """The event as JSON: sometimes as UTF-8, sometimes with every other character escaped; always the same way."""
    escaped = sum(map(ord, seed)) % 2 == 0
    return json.dumps(event, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
