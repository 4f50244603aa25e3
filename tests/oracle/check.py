#!/usr/bin/python3
"""Verifies recorded requests with tools that share nothing with the gateway: libxml2, hashlib, and
translate.py and decide.py beside it.

  /usr/bin/python3 check.py FOLDER        *.http (SOAP envelopes as they were sent), beside each optionally NAME.json
                                          with the event or the array of events that it was made from
  /usr/bin/python3 check.py --fixtures    the cases of fixtures/contract, and those of fixtures/foreign
"""

import argparse
import pathlib
import sys

from lxml import etree

import decide
import translate as oracle
from sets import ApiSet, SchemaSet, parse_xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"


class Checker:
    """Loads each set once, counts, and says what failed."""

    def __init__(self, schemas):
        self.schemas = pathlib.Path(schemas)
        self.api_set = ApiSet(self.schemas / "api")
        self.schema_sets = {}
        self.passed = self.failed = 0

    def schema_set(self, version):
        if version not in self.schema_sets:
            self.schema_sets[version] = SchemaSet(self.schemas / version)
        return self.schema_sets[version]

    def expect(self, good, name, what):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(f"FAILED {name}: {what}")
        return bool(good)

    def body_of(self, name, raw):
        """The one child of the SOAP Body, valid against api.xsd, or None."""
        try:
            root = parse_xml(raw).getroot()
        except etree.XMLSyntaxError as error:
            self.expect(False, name, f"not well-formed: {error}")
            return None
        bodies = root.findall(SOAP + "Body")
        one = root.tag == SOAP + "Envelope" and len(bodies) == 1 and len(bodies[0]) == 1
        if not self.expect(one, name, "no SOAP 1.1 envelope with one body of one element"):
            return None
        # Serialised apart, so that the schema sees the message without the envelope.
        message = etree.fromstring(etree.tostring(bodies[0][0], with_tail=False))
        if message.tag != SOAP + "Fault":
            valid = self.api_set.schema.validate(message)
            self.expect(valid, name, f"invalid against api.xsd: {self.api_set.schema.error_log.last_error}")
        return message

    def request(self, name, raw, tenant, events):
        """One recorded request; returns the payload's text as a conforming parser hands it over."""
        message = self.body_of(name, raw)
        found = message is not None and self.api_set.operation_of(message.tag)
        if message is None or not self.expect(found, name, "not a request of the API set"):
            return None
        operation = found[1]
        tags = [self.api_set.child_tag(element) for element, _ in operation["fields"]]
        self.expect([c.tag for c in message] == tags, name, "children differ from operations.toml")
        sent = {value: message.findtext(self.api_set.child_tag(element), "") for element, value in operation["fields"]}
        payload = sent["payload"]
        for key in ("platform_id", "service_id"):
            self.expect(sent[key] == tenant[key], name, f"{key} is not the tenant's")
        self.expect(sent["hash"] == oracle.sign(self.api_set, operation["hash"], tenant, sent), name, "hash differs")
        self.expect("\r" not in payload, name, "the payload holds a carriage return")
        cdata = b"<![CDATA[" in raw
        self.expect(cdata == (self.api_set.payload_style == "cdata"), name, "CDATA where text is asked, or the reverse")
        if "response_required" in sent:
            self.expect(sent["response_required"] in ("true", "false"), name, "response required is no boolean word")
        root = self.payload(name, payload, tenant, events)
        if root is not None and "num_events" in sent:
            self.expect(sent["num_events"] == str(len(root)), name, "number of events differs from the payload's")
        if root is not None:
            channel = self.channel_tag(tenant)
            words = {event.findtext(channel) for event in root}
            self.expect(words == {sent["channel"]}, name, "the payload's channel is not the request's")
        return payload

    def channel_tag(self, tenant):
        return next(f.tag for f in self.schema_set(tenant["schema"]).fields() if "$channel" in f.sources)

    def payload(self, name, text, tenant, events):
        """One payload: valid, and the same as the oracle's translation of the events, where they are known."""
        schema_set = self.schema_set(tenant["schema"])
        try:
            root = parse_xml(text.encode("utf-8")).getroot()
        except etree.XMLSyntaxError as error:
            self.expect(False, name, f"payload is not well-formed: {error}")
            return None
        valid = schema_set.schema.validate(root)
        self.expect(valid, name, f"payload is invalid: {schema_set.schema.error_log.last_error}")
        if events is not None and self.expect(len(events) == len(root), name, "another number of events"):
            for event, actual in zip(events, root, strict=True):
                self.same_event(name, schema_set, tenant, event, root, actual)
        return root

    def same_event(self, name, schema_set, tenant, event, root, actual):
        received = [f.tag for f in schema_set.fields() if "$receivedAt" in f.sources]
        # The time of receipt is the gateway's own: it is believed where the event has none.
        at = next(filter(None, map(actual.findtext, received)), oracle.RECEIVED_AT)
        expected = oracle.translate(schema_set, tenant, event, at)
        if self.expect(not expected.refused, name, f"should have been refused for {expected.refused}"):
            self.expect(dict(root.attrib) == dict(expected.event.attrib), name, "the root's attributes differ")
            self.expect(root.tag == expected.event.tag, name, "another root")
            difference = differ(expected.event[0], actual)
            self.expect(difference is None, name, difference)

    def case(self, folder):
        """One case of the fixtures: its event by the oracle, and its generated files against the oracle."""
        name = folder.name
        tenant = oracle.load_tenant(folder / "0-tenant.toml")
        source = next(p for p in (folder / "1-event.json", folder / "1-event.txt") if p.exists())
        refused = not any(folder.glob("4-results.*"))
        try:
            event = oracle.parse_event(source.read_bytes())
            result = oracle.translate(self.schema_set(tenant["schema"]), tenant, event)
        except oracle.Malformed as error:
            self.expect(refused, name, f"should be an event, but is {error}")
            return
        self.expect(refused == bool(result.refused), name, f"refused fields are {result.refused}")
        self.translated(name, folder / ("5-problem.json" if refused else "5-decision.json"), result)
        if refused:
            self.expect(not (folder / "2-payload.xml").exists(), name, "a refused event has no payload")
            return
        self.expect(event["eventId"] == name, name, "the eventId is not the folder's name")
        self.decided(name, folder, event)
        if (folder / "4-results.xml").exists():
            self.body_of(name, (folder / "4-results.xml").read_bytes())
        payload = folder / "2-payload.xml"
        if payload.exists():
            self.payload(name, payload.read_bytes().decode("utf-8"), tenant, [event])
        if (folder / "3-envelope.xml").exists():
            self.sent(name, folder, tenant, event)

    def foreign_case(self, folder):
        """What was sent of a case's event with a foreign vendor's sets; everything else is the main case's."""
        main = ROOT / "fixtures/contract" / folder.name
        tenant = oracle.load_tenant(main / "0-tenant.toml") | {"schema": "2.7"}
        event = oracle.parse_event((main / "1-event.json").read_bytes())
        self.sent(f"foreign {folder.name}", folder, tenant, event)

    def sent(self, name, folder, tenant, event):
        """The envelope of a case, and the payload in it."""
        payload = folder / "2-payload.xml"
        sent = self.request(name, (folder / "3-envelope.xml").read_bytes(), tenant, [event])
        if payload.exists() and sent is not None:
            # As bytes: reading as text would hide a carriage return.
            same = sent.rstrip("\n") == payload.read_bytes().decode("utf-8").rstrip("\n")
            self.expect(same, name, "the payload in the envelope is not 2-payload.xml")

    def translated(self, name, path, result):
        """Of the decision what translation decides: the filled elements, or the refused fields."""
        decision = self.read_decision(path)
        if "defaulted" in decision:
            self.expect(decision["defaulted"] == result.defaulted, name, f"defaulted should be {result.defaulted}")
        if "errors" in decision:
            fields = {e["field"] for e in decision["errors"]}
            self.expect(fields == set(result.refused), name, f"refused fields should be {result.refused}")

    def decided(self, name, folder, event):
        """Of the decision what follows from the policy and from Xceed's answer."""
        answer = decide.read_results_file(self.api_set, next(folder.glob("4-results.*")))
        expected = decide.decide(event, decide.load_policy(folder / "0-tenant.toml"), answer)
        decision = self.read_decision(folder / "5-decision.json")
        if decision:
            different = decide.differences(expected, decision)
            self.expect(not different, name, "; ".join(different))

    @staticmethod
    def read_decision(path):
        """The answer to the caller; empty where there is none yet."""
        return decide.parse_decision(path.read_text(encoding="utf-8")) if path.exists() else {}


def differ(expected, actual):
    """The first difference of two elements, in words without values; prefixes and white space between don't count."""
    if expected.tag != actual.tag:
        return f"{actual.tag} where {expected.tag} is expected"
    if dict(expected.attrib) != dict(actual.attrib):
        return f"attributes of {actual.tag} differ"
    if len(expected) == 0 and len(actual) == 0:
        return None if (expected.text or "") == (actual.text or "") else f"text of {actual.tag} differs"
    if (actual.text or "").strip() or any((c.tail or "").strip() for c in actual):
        return f"text between the children of {actual.tag}"
    for one, other in zip(expected, actual, strict=False):
        if (difference := differ(one, other)) is not None:
            return difference
    return None if len(expected) == len(actual) else f"{actual.tag} has {len(actual)} children, not {len(expected)}"


def events_beside(path):
    """The events a request was made from, where NAME.json stands beside NAME.http: one object, an array, or lines."""
    source = path.with_suffix(".json")
    if not source.exists():
        return None
    raw = source.read_bytes().strip()
    if raw.startswith(b"["):
        # Wrapped, so that the strict reader of single events reads them too.
        return list(oracle.parse_event(b'{"events":' + raw + b"}")["events"])
    try:
        return [oracle.parse_event(raw)]
    except oracle.Malformed:
        return [oracle.parse_event(line) for line in raw.splitlines() if line.strip()]


def folders(parent):
    return sorted(path for path in parent.iterdir() if path.is_dir())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="folder of recorded requests")
    parser.add_argument("--fixtures", action="store_true", help="check the cases of fixtures/contract instead")
    parser.add_argument("--schemas", default=ROOT / "xsd", help="folder with the schema sets and the API set")
    parser.add_argument("--tenant", help="tenant's table as .toml or .json, as far as it differs from the default")
    options = parser.parse_args()
    if options.fixtures == bool(options.folder):
        parser.error("give a folder of recorded requests, or --fixtures")
    checker = Checker(options.schemas)
    if options.fixtures:
        for folder in folders(ROOT / "fixtures/contract"):
            checker.case(folder)
        foreign = Checker(ROOT / "fixtures/foreign/xsd")
        for folder in folders(ROOT / "fixtures/foreign/contract"):
            foreign.foreign_case(folder)
        checker.passed, checker.failed = checker.passed + foreign.passed, checker.failed + foreign.failed
    else:
        tenant = oracle.load_tenant(options.tenant)
        for path in sorted(pathlib.Path(options.folder).glob("**/*.http")):
            raw = path.read_bytes()
            if not raw.lstrip().startswith(b"<"):
                raw = raw.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")[2]
            checker.request(path.stem, raw, tenant, events_beside(path))
    print(f"{checker.passed} passed, {checker.failed} failed")
    sys.exit(1 if checker.failed or not checker.passed else 0)


if __name__ == "__main__":
    main()
