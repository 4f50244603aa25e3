#!/usr/bin/python3
"""Holds a running gateway against its own openapi.json, with schemathesis, which makes calls of a description.

It starts the gateway and its simulator from a given binary and lets some things happen there, so that there is something to
ask for. Then schemathesis sends what the description allows and what it forbids, and judges each answer by it. What it must
not expect, and why, stands in schemathesis.toml; every call must have been reached, and answered well at least once.

  /usr/bin/python3 check.py --binary target/release/xceed-gateway --schemathesis PROGRAM
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/oracle"))

from cases import EVENT, TENANTS, TRANSACTION  # noqa: E402
from gateway import NotStarted, Workbench  # noqa: E402
from relay import Relay  # noqa: E402
from tally import Tally  # noqa: E402

CALLBACK = "gw1"
SEED = 20261127
EXAMPLES = 10
# Bounds a run that hangs, far above what one takes.
SECONDS = 1200
# Fewer requests mean that calls were not made as they should be.
REQUESTS_MIN = 1800
PHASES = ("examples", "coverage", "fuzzing", "stateful")
CHECKS = {
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "missing_required_header",
    "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability", "ignored_auth",
}  # fmt: skip
# Only Xceed, with the tenant's secret, is answered well here.
REFUSED = {"POST /xceed/callback", "POST /xceed/callback/{callbackId}"}
OF_EACH_KIND = 20
PATIENCE = 60


class Bench(Workbench):
    """With scores that are called back: to the canned Xceed, which hands them on, since the gateway's port comes later."""

    def __init__(self, binary, tenant):
        # Nothing here is about limits.
        super().__init__(binary, ROOT / "xsd", [tenant], self._hand_on, {"in_flight": 10000})

    def _simulate(self, port):
        return [*super()._simulate(port), "--callback-base", f"http://127.0.0.1:{self.canned.server_address[1]}"]

    def _hand_on(self, body):
        kind = "text/xml; charset=utf-8"
        status, answer = self.gateway().call("POST", f"/xceed/callback/{CALLBACK}", body, {"Content-Type": kind})
        return status, kind, answer


def tenant():
    """One whose key may do everything, with a source of its own and a channel that can be held without the others."""
    tenant = next(tenant for tenant in TENANTS if tenant.xceed["schema"] == "1.1")
    tenant.roles = ("caller", "operator", "auditor")
    tenant.xceed |= {"callback_id": CALLBACK, "channels": {"ACHTransfer": "ACH"}}
    tenant.policy = {"deadline_ms": 1000}
    tenant.sources = {"my-ivr": HERE / "my-ivr.toml"}
    return tenant


class Happening:
    """What is there to be asked for, made by calls like any others."""

    def __init__(self, tally, bench, tenant):
        self.tally, self.client = tally, bench.gateway()
        self.headers = {"Authorization": f"Bearer {tenant.api_key}"}
        self.known = {"events": [], "batches": [], "deliveries": []}

    def call(self, method, path, body=None, kind="application/json"):
        status, raw = self.client.call(method, path, body, self.headers | {"Content-Type": kind})
        return status, json.loads(raw)

    def event(self, event_id, customer, kind="WireTransfer"):
        customer = EVENT["customer"] | {"id": customer}
        self.known["events"].append(event_id)
        return json.dumps(EVENT | {"eventId": event_id, "eventType": kind, "transaction": TRANSACTION, "customer": customer})

    def submit(self, event, query=""):
        status, _ = self.call("POST", f"/v1/events{query}", event)
        self.tally.expect(status in (200, 202), f"an event was answered {status}: {event}")

    def happen(self):
        for n in range(3):
            self.submit(self.event(f"held-{n}", "SIM-INVALID_CHANNEL", "ACHTransfer"))
        for n in range(OF_EACH_KIND):
            self.submit(self.event(f"scored-{n}", f"C-{n}"))
            self.submit(self.event(f"parked-{n}", "SIM-XML_VALIDATION_FAIL"))
            self.submit(self.event(f"async-{n}", f"C-{n}"), "?mode=async")
            lines = self.event(f"batch-{n}", f"C-{n}") + "\n{}\n"
            status, answer = self.call("POST", "/v1/batches", lines, "application/x-ndjson")
            if self.tally.expect(status == 202, f"a batch was answered {status}: {answer}"):
                self.known["batches"].append(answer["batchId"])
        # A score that comes after the deadline.
        self.submit(self.event("late", "SIM-SLOW-2000"))
        self.until("parked", lambda answer: len(answer["parked"]) >= OF_EACH_KIND)
        self.known["deliveries"] = [row["deliveryId"] for row in self.call("GET", "/v1/parked")[1]["parked"]]
        self.until("held", lambda answer: answer["held"])
        self.until("events/late", lambda answer: answer["late"])
        return self.known

    def until(self, path, good):
        end = time.monotonic() + PATIENCE
        while not (found := good(self.call("GET", f"/v1/{path}")[1])) and time.monotonic() < end:
            time.sleep(0.1)
        self.tally.expect(found, f"/v1/{path} does not become what it should")


def run(bench, port, tenant, program, folder, known):
    """Its reports: of the run, and of all that was sent and answered."""
    # As the gateway says it; of an address it would leave that address itself out.
    (folder / "openapi.json").write_bytes(bench.gateway().call("GET", "/openapi.json")[1])
    for path in (HERE / "schemathesis.toml", HERE / "hooks.py"):
        shutil.copy(path, folder)
    for name, values in known.items():
        # As the configuration's dictionaries are read: a text in quotes in each line.
        (folder / f"{name}.txt").write_text("".join(f"{json.dumps(value)}\n" for value in values))
    command = [
        program, "--config-file", folder / "schemathesis.toml", "--no-color", "run",
        "openapi.json", f"--url=http://127.0.0.1:{port}", f"--phases={','.join(PHASES)}",
        f"--seed={SEED}", f"--max-examples={EXAMPLES}", "--generation-database=none", "--report=json,ndjson",
        "--report-json-path=run.json", "--report-ndjson-path=calls.ndjson",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"API_KEY": tenant.api_key, "SCHEMATHESIS_HOOKS": str(folder / "hooks.py"), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, timeout=SECONDS)
    return ended.returncode, json.loads((folder / "run.json").read_text()), folder / "calls.ndjson"


def count(path):
    """How many requests were sent for each call and what they were answered, which checks were made, and what failed."""
    answers, checks, failures = collections.defaultdict(collections.Counter), collections.Counter(), []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
            cases = recorder.get("cases", {})
            for case, sent in recorder.get("interactions", {}).items():
                call = cases[case]["value"]
                status = (sent.get("response") or {}).get("status_code")
                answers[f"{call['method']} {call['path']}"][status] += 1
            for case, made in recorder.get("checks", {}).items():
                checks.update(check["name"] for check in made)
                call = cases[case]["value"]
                failures += [f"{call['method']} {call['path']}: {check['name']}" for check in made if check["status"] != "success"]
    return answers, checks, failures


def judge(tally, document, code, report, calls):
    answers, checks, failures = count(calls)
    for call in sorted({f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}):
        told = answers.get(call, {})
        if tally.expect(told, f"{call} was not reached"):
            good = any(status is not None and 200 <= status < 300 for status in told)
            tally.expect(good or call in REFUSED, f"{call} was never answered well: {dict(told)}")
        tally.expect(not any(failure.startswith(f"{call}: ") for failure in failures), f"{call} is not as described")
    tally.expect(not failures, "; ".join(sorted(set(failures))))
    tally.expect(not report["failures"] and not report["errors"], f"{report['failures']} {report['errors']}")
    for phase in PHASES:
        status = report["phases"].get(phase, {}).get("status")
        tally.expect(status == "success", f"the phase {phase} ended with {status}")
    for check in sorted(CHECKS):
        tally.expect(checks[check], f"{check} was not checked")
    tally.expect(code == 0 and report["complete"], f"schemathesis ended with {code}, {report['stop_reason']}")
    requests = sum(told.total() for told in answers.values())
    tally.expect(requests >= REQUESTS_MIN, f"{requests} requests are too few")
    failed = max(len(failures), sum(group["count"] for group in report["failures"] + report["errors"]))
    print(f"{requests} requests, {failed} failures")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=pathlib.Path, help="the gateway's program")
    parser.add_argument("--schemathesis", required=True, type=pathlib.Path, help="schemathesis, as pip installs it")
    options = parser.parse_args()
    # Ends what it started, also where it is ended itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    tally, who = Tally(), tenant()
    try:
        with Bench(options.binary.resolve(), who) as bench, tempfile.TemporaryDirectory() as folder:
            known = Happening(tally, bench, who).happen()
            document = json.loads(bench.gateway().call("GET", "/openapi.json")[1])
            with Relay(bench.gateway_port) as relay:
                ended = run(bench, relay.port, who, options.schemathesis.resolve(), pathlib.Path(folder), known)
            judge(tally, document, *ended)
    except NotStarted as error:
        sys.exit(f"{error}\n0 passed, 1 failed")
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
