"""What schemathesis can't know of the description: how NDJSON is written, and that an id stands for one event only.

It runs in the process of schemathesis, which loads it.
"""

import hashlib
import json
import pathlib

import schemathesis

NDJSON = "application/x-ndjson"
# So long may an eventId be, and an Idempotency-Key.
EVENT_ID_MAX, KEY_MAX = 128, 255
KINDS = ["Login", "WireTransfer", "MFAChallenge", "DeviceRegister", "Of another kind"]
# What each event id and each Idempotency-Key was first used for; of those that check.py has used, nobody here knows.
used = {json.loads(line): None for line in pathlib.Path("events.txt").read_text().splitlines()}


@schemathesis.serializer(NDJSON)
def as_it_is(_, value):
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def is_ndjson(text):
    try:
        return all(isinstance(json.loads(line), dict) for line in text.split("\n") if line.strip()) and text.strip() != ""
    except ValueError:
        return False


def ndjson(text):
    """Lines of events that follow from any text: the description can only say that NDJSON is text."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    events = [{"eventId": digest[n:n + 16], "eventType": KINDS[n % len(KINDS)]} for n in range(1 + len(text) % 7)]
    between = "\n" if len(text) % 2 else "\n \n"
    return between.join(json.dumps(event | {"customer": {"id": f"C-{digest[:2]}"}}) for event in events)


def name_of_its_own(name, what, longest):
    """The name, unless it stands for something else already; then another."""
    text = json.dumps(what, sort_keys=True)
    if used.setdefault(name, text) == text:
        return name
    digest = hashlib.sha256(f"{name} {text}".encode()).hexdigest()[:24]
    return f"{name[:longest - len(digest)]}{digest}"


@schemathesis.hook
def before_call(_, case, __):
    """By contract an id that stands for another event is refused, however good the event is."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.media_type == NDJSON and isinstance(case.body, str) and not is_ndjson(case.body):
        case.body = ndjson(case.body)
    if case.operation.path not in ("/v1/events", "/v1/batches"):
        return
    for event in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(event, dict) and isinstance(event.get("eventId"), str):
            event["eventId"] = name_of_its_own(event["eventId"], event, EVENT_ID_MAX)
    if "Idempotency-Key" in (case.headers or {}):
        key = case.headers["Idempotency-Key"]
        case.headers["Idempotency-Key"] = name_of_its_own(f"{key}", case.body, KEY_MAX)
