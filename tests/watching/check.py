#!/usr/bin/python3
"""Holds deploy/prometheus and deploy/grafana against a real Prometheus and a running gateway.

promtool checks the alerts and runs their unit tests. Then a Prometheus scrapes a gateway to which a few things happen, and
every expression of the dashboard and of the alerts is evaluated there: without an error, of metrics that are there, and for
all but what needs a fault to happen, with data.

  /usr/bin/python3 check.py --binary target/release/xceed-gateway --prometheus FOLDER_OF_THE_TWO_PROGRAMS
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))

from cases import EVENT, TENANTS, TRANSACTION  # noqa: E402
from gateway import Workbench, free_port  # noqa: E402
from tally import Tally  # noqa: E402

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
# Nothing is told of these before something happens that does not happen here.
RARE = {
    "late_scores_total", "late_stricter_total", "callbacks_total", "pushes_total", "unrecorded_answers_total",
    "certificate_expiry_timestamp_seconds", "retries_total", "token_requests_total",
}
NAME = re.compile(r"\b(?:xceed_gateway|process)_[a-z_]+")
PATIENCE = 60


def promtool(tally, programs):
    for arguments in (["check", "rules", ALERTS], ["test", "rules", ALERTS.with_name("alerts.test.yaml")]):
        ended = subprocess.run([programs / "promtool", *arguments], capture_output=True, text=True, timeout=60)
        tally.expect(ended.returncode == 0, f"promtool {arguments[0]} rules: {ended.stdout}{ended.stderr}")
    tested = set(re.findall(r'alertname="(\w+)"', ALERTS.with_name("alerts.test.yaml").read_text()))
    for name in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        tally.expect(name in tested, f"no unit test lets {name} fire")


def expressions():
    """The dashboard's, with what Grafana would fill in."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$__rate_interval", "30s")
            yield panel["title"], text.replace("$instance", ".*").replace("$tenant", ".*")


def happen(client, tenant, number):
    """Calls of all kinds; two of the answers, whatever the event is, are refusals."""
    def submit(event_id, customer, query="", **more):
        customer = EVENT["customer"] | {"id": customer}
        event = EVENT | {"eventId": event_id, "eventType": "WireTransfer", "transaction": TRANSACTION, "customer": customer}
        headers = {"Authorization": f"Bearer {tenant.api_key}", "Content-Type": "application/json"}
        return client.call("POST", f"/v1/events{query}", json.dumps(event | more), headers)[0]

    told = [submit(f"w-{number}-{n}", f"C-{number}-{n}") for n in range(3)]
    told.append(submit(f"w-{number}-ack", f"C-{number}-ack", "?mode=ack"))
    told.append(submit(f"w-{number}-x", f"C-{number}-x", nothing_of_that_name={"a": {}}, eventType=7))
    told.append(submit(f"w-{number}-park", "SIM-XML_VALIDATION_FAIL"))
    line = EVENT | {"eventId": f"w-{number}-b", "eventType": "WireTransfer", "transaction": TRANSACTION}
    headers = {"Authorization": f"Bearer {tenant.api_key}", "Content-Type": "application/x-ndjson"}
    told.append(client.call("POST", "/v1/batches?mode=ack", json.dumps(line) + "\n", headers)[0])
    told.append(client.call("POST", "/xceed/callback/nobody", "<a/>", {"Content-Type": "text/xml"})[0])
    return told, submit


def ask(port, path, **query):
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def until(what, good):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if good():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(what)


def live(tally, binary, programs):
    tenant = TENANTS[0]
    with Workbench(binary, ROOT / "xsd", TENANTS, lambda _: (500, "text/plain", b"")) as bench, tempfile.TemporaryDirectory() as folder:
        port, folder = free_port(), pathlib.Path(folder)
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [{
                "job_name": "xceed-gateway",
                "static_configs": [{"targets": [f"127.0.0.1:{bench.gateway_port}"]}],
            }],
        }
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(config))
        with open(folder / "log", "wb") as log:
            prometheus = subprocess.Popen(
                [programs / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            until("Prometheus is ready", lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready").status == 200)
            client = bench.gateway()
            for number in range(20):
                told, submit = happen(client, tenant, number)
                tally.expect(told == [200, 200, 200, 202, 422, 200, 202, 403] or number, f"the calls were answered {told}")
                if number == 3:
                    # Nothing else may come between them.
                    time.sleep(1)
                    held = [submit(f"w-held-{n}", "SIM-HASH_KEY_FAIL") for n in range(4)]
                    tally.expect(held == [200] * 4, f"those for which the queue is held were answered {held}")
                time.sleep(0.5)
            time.sleep(2)
            judge(tally, port, client.call("GET", "/metrics")[1].decode())
        finally:
            prometheus.terminate()
            prometheus.wait(30)


def judge(tally, port, scrape):
    known = set(re.findall(r"^# TYPE (\S+)", scrape, re.MULTILINE))
    rules = [rule for group in ask(port, "/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
    tally.expect(len(rules) == ALERTS.read_text().count("alert: "), "Prometheus has every alert")
    for rule in rules:
        tally.expect(rule["health"] == "ok", f"{rule['name']}: {rule['health']} {rule.get('lastError')}")
    firing = {rule["name"] for rule in rules if rule["state"] in ("firing", "pending")}
    tally.expect("XceedGatewayQueueHeld" in firing, f"the held queue is seen, of {firing}")
    alerts = [(rule["name"], rule["query"]) for rule in rules]
    panels = list(expressions())
    for where, expression in alerts + panels:
        for name in set(NAME.findall(expression)):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            tally.expect(base in known or name in known, f"{where}: the gateway has no {name}")
            if base.removeprefix("xceed_gateway_") not in RARE:
                data = ask(port, "/api/v1/query", query=f"count({name})")
                tally.expect(data["data"]["result"], f"{where}: nothing is told of {name}")
    for where, expression in panels:
        answer = ask(port, "/api/v1/query", query=expression)
        if tally.expect(answer["status"] == "success", f"{where}: {expression}: {answer.get('error')}"):
            rare = any(name.removeprefix("xceed_gateway_") in RARE for name in NAME.findall(expression))
            tally.expect(answer["data"]["result"] or rare, f"{where}: no data: {expression}")
    used = set(NAME.findall(" ".join(expression for _, expression in alerts + panels)))
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} | used
    for name in sorted(known - used):
        tally.expect(False, f"{name} is on no panel and in no alert")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--prometheus", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    tally = Tally()
    promtool(tally, arguments.prometheus)
    live(tally, pathlib.Path(arguments.binary).resolve(), arguments.prometheus)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(0 if tally.failed == 0 and tally.passed else 1)


if __name__ == "__main__":
    main()
