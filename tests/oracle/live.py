#!/usr/bin/python3
"""Holds a running gateway against the oracle: what it sends, what it refuses, and what it decides.

It starts the gateway and its simulator from a given binary, submits over HTTP what the fixtures have and hostile text
in every field of the event, and looks at what arrived: with libxml2, hashlib, translate.py and decide.py, none of which
shares code with the gateway. Each failure is printed with the body that brings it about.

  /usr/bin/python3 live.py --binary target/release/xceed-gateway [--threads 4] [--only TEXT]
"""

import argparse
import collections
import itertools
import json
import pathlib
import re
import signal
import sys
import threading
import time

import decide
import translate as oracle
from canned import Canned
from cases import PRIVATE, TENANTS, all_cases
from check import Checker
from gateway import NotStarted, Workbench
from naughty import TELLTALE
from sets import parse_xml

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "xsd"
# How a batch is asked for, and the operation that brings its events.
BATCHES = {"ack": "addMEvents", "async": "addMAsyncEvents"}
# The members of a decision as the caller gets it.
DECISION = {*decide.MEMBERS, "eventId", "reasons", "defaulted", "decidedAt", "latencyMs"}
# So many failures are shown of those in one field that begin with the same characters, and so much of a body.
SHOWN = 2
ALIKE = 7
SHOWN_BODY = 400
BODY_LIMIT = 1024 * 1024
# Names are told in full up to this length.
NAME_LIMIT = 128
# A text is looked for in problem documents from this length on: shorter ones could stand there by chance.
TELLING = 6

# By the names of their elements; compared with what went in without asking translate.py.
PLAIN_ELEMENTS = {
    "interaction.id": "InteractionId",
    "interaction.agentId": "AgentId",
    "customer.id": "CustomerId",
    "customer.accountId": "AccountId",
    "session.id": "SessionId",
    "session.ipAddress": "IPAddress",
    "session.deviceId": "DeviceId",
    "transaction.id": "TransactionId",
    "transaction.payee": "Payee",
    "device.fingerprint": "Fingerprint",
    "device.userAgent": "UserAgent",
}


class Judge(Checker):
    """A thread's own checker and connections; the sums and what failed are shared."""

    lock = threading.Lock()
    totals = [0, 0]
    failures = {}
    accepted = collections.Counter()

    def __init__(self, workbench):
        super().__init__(SCHEMAS)
        self.workbench = workbench
        self.gateway, self.simulator = workbench.gateway(), workbench.simulator()
        self.case = None

    def expect(self, good, name, what):
        with Judge.lock:
            Judge.totals[0 if good else 1] += 1
            if not good:
                Judge.failures.setdefault(name, (self.case, []))[1].append(what)
        return bool(good)

    def judge(self, case):
        self.case = case
        try:
            self._judge(case) if case.said is None else self._decided(case)
        except Exception as error:
            self.expect(False, case.name, f"{type(error).__name__}: {error}")
            # A connection that broke in the middle serves no other case.
            self.gateway, self.simulator = self.workbench.gateway(), self.workbench.simulator()

    def _judge(self, case):
        status, answer = self.gateway.submit(case.tenant, case.body)
        if len(case.body) > BODY_LIMIT:
            self.refused(case, status, answer, 413, set(), "its size")
            return
        try:
            event = oracle.parse_event(case.body)
        except oracle.Malformed as error:
            self.refused(case, status, answer, 400, set(), str(error))
            return
        result = oracle.translate(self.schema_set(case.tenant.xceed["schema"]), tenant_table(case.tenant), event)
        if result.refused:
            self.refused(case, status, answer, 422, set(result.refused), "the oracle")
            return
        if self.expect(status == 200, case.name, f"should be 200, is {status}: {shorten(answer)}"):
            with Judge.lock:
                Judge.accepted[event["eventId"]] += 1
            self.answered(case, event, result, answer)
            self.arrived(case, event)

    def _decided(self, case):
        """What the gateway tells the caller when Xceed answers as the case of the fixtures says."""
        status, raw = self.gateway.submit(case.tenant, case.body)
        if not self.expect(status == 200, case.name, f"should be 200, is {status}: {shorten(raw)}"):
            return
        event = oracle.parse_event(case.body)
        result = oracle.translate(self.schema_set(case.tenant.xceed["schema"]), tenant_table(case.tenant), event)
        self.told(case, event, result, raw, case.said)

    def told(self, case, event, result, raw, said):
        """The decision object: complete, about this event, and what follows from what Xceed said."""
        name, answer = case.name, decide.parse_decision(raw)
        self.expect(set(answer) == DECISION, name, f"members differ by {sorted(set(answer) ^ DECISION)}")
        self.expect(answer["eventId"] == event["eventId"], name, "answers for another event")
        defaulted = f"defaulted should be {result.defaulted}, is {answer['defaulted']}"
        self.expect(answer["defaulted"] == result.defaulted, name, defaulted)
        different = decide.differences(decide.decide(event, decide.policy_of(case.tenant.policy), said), answer)
        self.expect(not different, name, "; ".join(different))
        if case.said is not None or case.field == "eventId":
            self.found(case, answer)

    def found(self, case, answer):
        """Whoever looks the event up is told the same."""
        status, raw = self.gateway.look_up(case.tenant, answer["eventId"])
        if self.expect(status == 200, case.name, f"looking it up gives {status}: {shorten(raw)}"):
            found = decide.parse_decision(raw)
            different = [m for m in DECISION if found.get(m) != answer[m]]
            self.expect(not different, case.name, f"looked up, {different} differ from the answer")

    def refused(self, case, status, answer, wanted, fields, why):
        name = case.name
        if not self.expect(status == wanted, name, f"should be {wanted} for {why}, is {status}: {shorten(answer)}"):
            return
        problem = json.loads(answer)
        # libxml2 and the gateway may find different numbers of faults in one value, but never in another field.
        named = {error["field"] for error in problem.get("errors", [])}
        good = len(named) == len(fields) and all(any(same_name(n, f) for n in named) for f in fields)
        self.expect(good, name, f"names {sorted(named)}, should name {sorted(fields)}")
        kind = problem.get("type", "")
        self.expect(kind.startswith("urn:xceed-gateway:problem:"), name, f"type of the problem is {kind!r}")
        keys = all(set(e) >= {"field", "element", "rule", "message"} for e in problem.get("errors", []))
        self.expect(keys, name, "an error lacks one of field, element, rule, message")
        if case.field is not None and (case.field == "attributes.<value>" or "<" not in case.field):
            told, text = json.dumps(problem, ensure_ascii=False), case.text.strip()
            repeated = len(text) >= TELLING and json.dumps(text, ensure_ascii=False)[1:-1] in told
            good = not repeated and TELLTALE not in told and PRIVATE not in told
            self.expect(good, name, "the problem repeats the value")

    def answered(self, case, event, result, raw):
        answer = decide.parse_decision(raw)
        said = decide.Answer(answer["returnCode"], answer["riskScore"], answer["riskAction"])
        good = said.return_code == "SUCCESS"
        self.expect(good, case.name, f"the simulator said {said.return_code}, the basis is {answer['basis']}")
        self.told(case, event, result, raw, said)

    def arrived(self, case, event):
        """What the simulator received for this event."""
        status, raw = self.simulator.call("GET", f"/_sim/received/{event['eventId']}/raw")
        if not self.expect(status == 200, case.name, f"nothing arrived at the simulator ({status})"):
            return
        payload = self.request(case.name, raw, tenant_table(case.tenant), [event])
        if payload is not None and case.field in PLAIN_ELEMENTS:
            self.plain(case, payload)
        if payload is not None and case.field == "attributes.<value>":
            self.displayed(case, payload)

    def plain(self, case, payload):
        """One text, by the rules alone: only line ends differ, and blank text is no data."""
        text = case.text.replace("\r\n", "\n").replace("\r", "\n") if case.text.strip() else "Unknown"
        found = parse_xml(payload.encode()).getroot().findtext(".//{*}" + PLAIN_ELEMENTS[case.field])
        self.expect(found == text, case.name, f"{PLAIN_ELEMENTS[case.field]} is not what went in")

    def displayed(self, case, payload):
        text = case.text.replace("\r\n", "\n").replace("\r", "\n")
        if len(re.findall(r"\d", text)) >= 13:
            # Its digits may be masked; that is for translate.py to know.
            return
        for char, code in (("%", "%25"), ("|", "%7C"), ("=", "%3D")):
            text = text.replace(char, code)
        pairs = ([f"Note={text}"] if text.strip() else []) + ["After=a"]
        if len(" | ".join(pairs)) > 4000:
            pairs = ["Truncated=2"]
        found = parse_xml(payload.encode()).getroot().findtext(".//{*}DisplayFields")
        self.expect(found.split(" | ")[-len(pairs):] == pairs, case.name, "DisplayFields is not what went in")


def same_name(told, wanted):
    """Whether a problem names this field. Of names that are longer than any id a beginning is enough, and half of a
    surrogate pair can't be told at all."""
    if len(wanted) > NAME_LIMIT and wanted.startswith(told.removesuffix("…")[:NAME_LIMIT]):
        return len(told) >= NAME_LIMIT
    return re.fullmatch(".*".join(map(re.escape, re.split("[\ud800-\udfff]+", wanted))), told, re.DOTALL) is not None


def tenant_table(tenant):
    return oracle.DEFAULT_TENANT | tenant.xceed


def shorten(answer):
    return answer[:300].decode("utf-8", "replace")


def received(simulator):
    """All that the simulator has a note of, page by page."""
    after = 0
    while True:
        _, page = simulator.call("GET", f"/_sim/received?after={after}&limit=500")
        entries = json.loads(page)
        if not entries:
            return
        yield from entries
        after = entries[-1]["seq"]


def same_name(told, wanted):
    """Whether a problem names this field. Of names that are longer than any id a beginning is enough, and half of a
    surrogate pair can't be told at all."""
    if len(wanted) > NAME_LIMIT and wanted.startswith(told.removesuffix("…")[:NAME_LIMIT]):
        return len(told) >= NAME_LIMIT
    return re.fullmatch(".*".join(map(re.escape, re.split("[\ud800-\udfff]+", wanted))), told, re.DOTALL) is not None


def tenant_table(tenant):
    return oracle.DEFAULT_TENANT | tenant.xceed


def shorten(answer):
    return answer[:300].decode("utf-8", "replace")


def run(workbench, cases, threads):
    """Judges all cases, each thread with connections of its own, and then what the simulator thinks of them."""
    queue, lock = enumerate(cases), threading.Lock()

    def work():
        judge = Judge(workbench)
        while True:
            with lock:
                number, case = next(queue, (0, None))
            if case is None:
                return
            if number % 500 == 0:
                print(f"{number} of {len(cases)} cases", flush=True)
            judge.judge(case)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    judge = Judge(workbench)
    for tenant in TENANTS:
        for mode, operation in BATCHES.items():
            batch(judge, tenant, mode, operation, cases)
    verdicts(judge)


def batch(judge, tenant, mode, operation, cases):
    """Every event that a tenant was taken one of, once more under another id and together: what arrives are valid
    documents with all events of a chunk, in order, each as the oracle translates it."""
    judge.case, name = None, f"batch {mode} of {tenant.name}"
    events, bodies = {}, []
    for case in cases:
        renamed = fresh(case, f"{mode}.{tenant.name}.{len(bodies)}") if case.tenant.name == tenant.name else None
        if renamed is not None:
            event, body = renamed
            events[event["eventId"]] = event
            bodies.append(body)
    if not bodies:
        return
    headers = {"Authorization": f"Bearer {tenant.api_key}", "Content-Type": "application/json"}
    status, answer = judge.gateway.call("POST", f"/v1/batches?mode={mode}", b"[" + b",".join(bodies) + b"]", headers)
    if not judge.expect(status == 202, name, f"should be 202, is {status}: {shorten(answer)}"):
        return
    Judge.accepted.update(events.keys())
    target, seen = f"/v1/batches/{json.loads(answer)['batchId']}", {}
    for _ in range(600):
        seen = json.loads(judge.gateway.call("GET", target, headers=headers)[1])
        if seen["state"] == "DONE":
            break
        time.sleep(0.1)
    told = {member: seen.get(member) for member in ("state", "lines", "accepted", "settled", "failed")}
    judge.expect(told == {"state": "DONE", "lines": len(bodies), "accepted": len(bodies), "settled": len(bodies),
                          "failed": 0}, name, f"says {told}")
    arrived = collections.Counter()
    for entry in received(judge.simulator):
        ids = entry["eventIds"]
        if not ids or ids[0] not in events:
            continue
        arrived.update(ids)
        judge.expect(entry["operation"] == operation, name, f"arrived by {entry['operation']}")
        judge.expect(len(ids) <= 500, name, f"{len(ids)} events in a chunk")
        _, raw = judge.simulator.call("GET", f"/_sim/received/{ids[-1]}/raw")
        judge.request(f"{name}, chunk of {len(ids)}", raw, tenant_table(tenant), [events[i] for i in ids])
    judge.expect(arrived == collections.Counter(events.keys()), name, "not each event arrived once")


def fresh(case, event_id):
    """The event of a case that was accepted and its body, under another id; or None."""
    if case.said is not None or len(case.body) > BODY_LIMIT:
        return None
    try:
        known = oracle.parse_event(case.body).get("eventId")
        if known not in Judge.accepted:
            return None
        # The same bytes but for the id.
        body = case.body.replace(f'"{known}"'.encode(), f'"{event_id}"'.encode(), 1)
        event = oracle.parse_event(body)
    except oracle.Malformed:
        return None
    return (event, body) if event["eventId"] == event_id else None


def verdicts(judge):
    """The simulator's own: each accepted event came once, its hash was right and its payload valid; no other came."""
    judge.case = None
    arrivals = collections.Counter()
    for entry in received(judge.simulator):
        name = f"the simulator on {entry['eventIds']}"
        arrivals.update(entry["eventIds"])
        judge.expect(entry["hashOk"] is True, name, f"hashOk is {entry['hashOk']}")
        judge.expect(entry["validationErrors"] == [], name, f"validation errors: {entry['validationErrors']}")
        judge.expect(entry["fault"] is None, name, f"fault: {entry['fault']}")
    missing, surplus = judge.accepted - arrivals, arrivals - judge.accepted
    judge.expect(arrivals == judge.accepted, "arrivals", f"missing {list(missing)[:5]}, surplus {list(surplus)[:5]}")
    for name, process in judge.workbench.processes.items():
        log = judge.workbench.log(name)
        judge.expect(process.poll() is None, name, f"has ended:\n{log[-2000:]}")
        judge.expect(PRIVATE not in log, name, "its log holds a customer's id")


def report():
    """What failed; of failures that look alike a few."""
    alike, hidden = collections.Counter(), 0
    for name, (case, whats) in Judge.failures.items():
        kind = (case and case.field, whats[0][:ALIKE])
        alike[kind] += 1
        if alike[kind] > SHOWN:
            hidden += 1
            continue
        for what in whats:
            print(f"FAILED {name}: {what}")
        if case is not None:
            body = case.body.decode("utf-8", "backslashreplace").encode("ascii", "backslashreplace").decode()
            print(f"    {case.tenant.name} < {body[:SHOWN_BODY]}{'…' if len(body) > SHOWN_BODY else ''}")
    if hidden:
        print(f"and {hidden} more like these")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path, help="the gateway's program")
    parser.add_argument("--threads", type=int, default=4, help="how many submit at the same time")
    parser.add_argument("--only", default="", help="only the cases whose name holds this text")
    options = parser.parse_args()
    # Ends what it started, also where it is ended itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    canned = Canned(SCHEMAS)
    cases = [c for c in itertools.chain(all_cases(), canned.cases) if options.only in c.name]
    tenants = [*TENANTS, *canned.tenants.values()]
    began = time.monotonic()
    try:
        with Workbench(options.binary.resolve(), SCHEMAS, tenants, canned.answer) as workbench:
            started = time.monotonic()
            run(workbench, cases, options.threads)
    except NotStarted as error:
        sys.exit(f"{error}\n0 passed, 1 failed")
    report()
    print(f"{len(cases)} cases; {started - began:.1f} s to start, {time.monotonic() - started:.1f} s to judge")
    good, bad = Judge.totals
    print(f"{good} passed, {bad} failed")
    sys.exit(1 if bad or not good else 0)


if __name__ == "__main__":
    main()
