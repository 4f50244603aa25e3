#!/usr/bin/python3
"""Holds the doors of the platforms against their promises, on a running gateway.

It starts the gateway and its simulator from a given binary, sends what CXone and Genesys send with hostile text in every
field and under every fault of the simulator, and holds each answer against the published JSON Schema with a validator that
shares no code with the gateway: 200 and a valid flat answer below 2 KB, or 422 that names the field in the sender's words.

  /usr/bin/python3 doors.py --binary target/release/xceed-gateway
"""

import argparse
import json
import pathlib
import signal
import sys
import urllib.parse

import jsonschema

from cases import TENANTS
from gateway import NotStarted, Workbench
from naughty import CARRIED, FORBIDDEN, HALVES
from sets import parse_xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "src/sources/flat-answer.schema.json").read_text())
SIZE_MAX = 2048
FAULTS = [
    *({"fault": f} for f in (
        "reset", "reset_midway", "drop", "garbage", "html", "empty", "soap_fault", "soap_fault_200", "huge", "wrong_id",
        "truncated", "doctype",
    )),
    {"delay_ms": 1500}, {"score": "high"}, {"score": 64.99999999999999}, {"action": "Odd"}, {"reasons": ["é" * 900] * 40},
    *({"code": c} for c in (
        "SUCCESS", "XML_VALIDATION_FAIL", "XSD_VERSION", "ERROR", "REQUEST_ERROR", "TIMEOUT", "INVALID_MSG", "MSG_SKIPPED",
        "MSG_OOO", "WRONG_NUM_EVENTS", "MAINTENANCE", "DATA_COLLECTION", "NO_RISKACTION_CONFIGURED", "ODD", "é" * 300,
        "NOT_SUPPORTED", "BAD_SERVICE_ID", "HASH_KEY_FAIL", "MISSING_XML_VERSION", "UNSUPPORTED_XML_VERSION",
        "INVALID_CALLBACK", "INVALID_CHANNEL", "ACCESS_TOKEN_EXPIRED", "TOKEN_SIGNATURE_VERIFICATION_FAIL",
        "AUDIENCE_VERIFICATION_FAIL", "TENANT_UNAVAILABLE", "PUBLICKEYS_UNAVAILABLE",
    )),
]  # fmt: skip
# By the element that the payload has it in; `n` makes each call another one.
DOORS = {
    "/v1/cxone/assess": (
        lambda n: {"contactId": f"c-{n}", "amount": 12.5, "currency": "USD", "eventType": "WireTransfer"},
        {"customerId": "CustomerId", "agentId": "AgentId", "transactionId": "TransactionId", "payee": "Payee"},
    ),
    "/v1/genesys/assess": (
        lambda n: {"conversation_id": f"g-{n}", "transaction_amount": 12.5, "event_type": "DeviceRegister"},
        {"customer_id": "CustomerId", "device_fingerprint": "Fingerprint", "account_id": "AccountId"},
    ),
    "/v1/cxone/data-action": (
        lambda n: {"eventType": "Login", "data": {"interactionId": f"i-{n}"}},
        {"customerId": "CustomerId"},
    ),
}


class Judge:
    def __init__(self, workbench, tenant):
        self.gateway, self.simulator, self.tenant = workbench.gateway(), workbench.simulator(), tenant
        self.validator = jsonschema.Draft202012Validator(SCHEMA)
        self.validator.check_schema(SCHEMA)
        self.good, self.bad, self.number = 0, 0, 0

    def expect(self, good, name, what):
        self.good, self.bad = self.good + bool(good), self.bad + (not good)
        if not good:
            print(f"FAILED {name}: {what}")
        return good

    def post(self, door, body, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.tenant.api_key}", "Content-Type": kind}
        return self.gateway.call("POST", door, body, headers)

    def flat(self, name, status, raw):
        """The answer, where it is what every platform can read."""
        if not self.expect(status == 200, name, f"status {status}: {raw[:200]!r}"):
            return None
        answer = json.loads(raw)
        errors = [error.message for error in self.validator.iter_errors(answer)]
        self.expect(not errors, name, "; ".join(errors))
        self.expect(len(raw) < SIZE_MAX, name, f"{len(raw)} bytes")
        return answer

    def new(self, door):
        self.number += 1
        return DOORS[door][0](self.number)

    def naughty(self, door, field, element, name, text, is_carried):
        body = self.new(door)
        (body["data"] if "data" in body else body)[field] = text
        # Half of a surrogate pair can be sent by its escape alone.
        status, raw = self.post(door, json.dumps(body))
        case = f"{door} {field} {name}"
        if status == 422:
            # Too long, or of a kind that its element does not take; told in the sender's words.
            fields = {error["field"] for error in json.loads(raw)["errors"]}
            wanted = {f"data.{field}" if "data" in body else field}
            self.expect(fields == wanted, case, f"names {fields}, should name {wanted}")
            self.expect(not is_carried or len(text) > 64, case, f"refused: {raw[:300]!r}")
            return
        answer = self.flat(case, status, raw)
        if answer is None:
            return
        self.expect(is_carried or is_macro(text), case, "taken, though XML can't carry it")
        arrived = self.arrived(answer["eventId"])
        if self.expect(arrived is not None, case, "did not arrive"):
            sent = text.replace("\r\n", "\n").replace("\r", "\n")
            found = arrived.findtext(".//{*}" + element)
            good = found == sent or (not text.strip() or is_macro(text)) and found in ("Unknown", None)
            self.expect(good, case, f"{element} is not what went in")

    def arrived(self, event_id):
        """The payload that came to the simulator, waited for where the decision falls behind."""
        for _ in range(200):
            status, raw = self.simulator.call("GET", f"/_sim/received/{urllib.parse.quote(event_id)}/raw")
            if status == 200:
                return parse_xml(parse_xml(raw).findtext(".//{*}payLoad").encode())
        return None

    def fault(self, behaviour):
        self.simulator.call("PUT", "/_sim/behaviour", json.dumps(behaviour), {"Content-Type": "application/json"})
        for door in DOORS:
            body = self.new(door)
            (body["data"] if "data" in body else body)[next(iter(DOORS[door][1]))] = f"C-{self.number}"
            name = f"{door} {json.dumps(behaviour)[:80]}"
            first = self.post(door, json.dumps(body))
            answer = self.flat(name, *first)
            again = self.post(door, json.dumps(body), "application/x-www-form-urlencoded")
            self.expect(again == first, name, "another answer when CXone repeats it")
            if answer is not None and answer["basis"] == "deadline":
                self.expect(answer["riskScore"] == 50.0 and answer["decision"] == "ALLOW", name, "no neutral fallback")
        self.simulator.call("DELETE", "/_sim/behaviour")

    def form(self, name, text):
        """A real form is the same event as the JSON that has only texts."""
        self.number += 1
        fields = {"contactId": f"f-{self.number}", "customerId": text, "amount": "12.50"}
        answer = self.flat(f"form {name}", *self.post("/v1/cxone/assess", json.dumps(fields)))
        form = urllib.parse.urlencode(fields)
        again = self.post("/v1/cxone/assess", form, "application/x-www-form-urlencoded")
        self.expect(answer is not None and json.loads(again[1]) == answer, f"form {name}", "is another event than as JSON")


def is_macro(text):
    text = text.strip()
    return text.startswith(("${", "$!{", "$esc.", "$!esc.")) and text.endswith(("}", ")"))


def run(workbench, tenant):
    judge = Judge(workbench, tenant)
    texts = [(n, t, True) for n, t in CARRIED.items()] + [(n, t, False) for n, t in (FORBIDDEN | HALVES).items()]
    for door, (_, fields) in DOORS.items():
        for field, element in fields.items():
            for name, text, is_carried in texts:
                judge.naughty(door, field, element, name, text, is_carried)
    for name, text in CARRIED.items():
        if len(text) <= 64:
            judge.form(name, text)
    for behaviour in FAULTS:
        judge.fault(behaviour)
    return judge


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path, help="the gateway's program")
    options = parser.parse_args()
    # Ends what it started, also where it is ended itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    tenant = TENANTS[0]
    tenant.policy = {"deadline_ms": 1000}
    try:
        with Workbench(options.binary.resolve(), ROOT / "xsd", [tenant], lambda _: (404, "text/plain", b"")) as workbench:
            judge = run(workbench, tenant)
    except NotStarted as error:
        sys.exit(f"{error}\n0 passed, 1 failed")
    print(f"{judge.good} passed, {judge.bad} failed")
    sys.exit(1 if judge.bad or not judge.good else 0)


if __name__ == "__main__":
    main()
