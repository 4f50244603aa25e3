#!/usr/bin/python3
"""Has stock SOAP toolkits call the gateway back, by its WSDL alone: zeep, the npm package soap, PHP's SoapClient.

It starts the gateway and its simulator from a given binary. Each client is a program of its own beside this file: it gets
the WSDL's address as its argument and, as JSON on standard input, what to say and the secret key; it signs by itself and
prints `{"ack": …}`, or `{"fault": …, "code": …}` where it was refused. Nothing of the gateway's code is used here.

  /usr/bin/python3 check.py --binary target/release/xceed-gateway --node-modules FOLDER [--only zeep]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "oracle"))

from gateway import NotStarted, Tenant, Workbench  # noqa: E402

SCHEMAS = HERE.parents[1] / "xsd"
CLIENT_SECONDS = 60
SECRET = "311a5439c8bda8ef"
SIGNED = {"platformId": "3", "serviceId": "210021", "channel": "Wire", "secretKey": SECRET, "callbackId": "gw1"}
TENANT = Tenant(
    "first-bank",
    {"platform_id": "3", "service_id": "210021", "secret_key": SECRET, "schema": "1.0", "callback_id": "gw1"},
)
CLIENTS = {
    "zeep": ["/usr/bin/python3", HERE / "zeep_client.py"],
    "node-soap": ["node", HERE / "node_client.cjs"],
    "php": ["php", HERE / "php_client.php"],
}
# What is called back, and the decision on it.
CASES = {
    "scored": ({"returnCode": "SUCCESS", "riskScore": "73.5", "riskAction": "Hold"}, ("REVIEW", "SCORED", "action")),
    "by-score": ({"returnCode": "SUCCESS", "riskScore": "95.5"}, ("BLOCK", "SCORED", "threshold")),
    "maintenance": ({"returnCode": "MAINTENANCE"}, ("ALLOW", "FALLBACK", "maintenance")),
}


class Round:
    """One client's callbacks."""

    def __init__(self, workbench, name, environment):
        self.workbench, self.name, self.environment = workbench, name, environment
        self.gateway = workbench.gateway()
        self.wsdl = f"http://127.0.0.1:{workbench.gateway_port}/xceed/callback?wsdl"
        self.good, self.bad = 0, []

    def expect(self, good, what):
        if good:
            self.good += 1
        else:
            self.bad.append(f"{self.name}: {what}")

    def run(self):
        for case, (results, decided) in CASES.items():
            event_id = f"{self.name}-{case}"
            self.submit(event_id)
            said = SIGNED | {"eventId": event_id} | results
            forged = self.call(said | {"secretKey": "0000000000000000"})
            self.expect(forged.get("fault") == "refused", f"{case}: a forged one should be refused, is {forged}")
            code = str(forged.get("code")).split(":")[-1]
            self.expect(code == "Client", f"{case}: the Fault should be the client's, is {forged}")
            self.expect(self.seen(event_id)[1] == "PENDING", f"{case}: a forged one has changed something")
            for time in ("first", "second"):
                answer = self.call(said)
                self.expect(answer == {"ack": "OK"}, f"{case}, the {time} time: should be acknowledged, is {answer}")
                seen = self.seen(event_id)
                self.expect(seen == decided, f"{case}, the {time} time: should be {decided}, is {seen}")

    def submit(self, event_id):
        # The simulator acknowledges it and leaves the callback to us.
        event = {"eventId": event_id, "eventType": "Login", "customer": {"id": "SIM-CALLBACK-NEVER"}}
        headers = {"Authorization": f"Bearer {TENANT.api_key}", "Content-Type": "application/json"}
        status, answer = self.gateway.call("POST", "/v1/events?mode=async", json.dumps(event), headers)
        self.expect(status == 202, f"{event_id} should be taken in, is {status}: {answer}")

    def seen(self, event_id):
        answer = json.loads(self.gateway.look_up(TENANT, event_id)[1])
        return answer.get("decision"), answer.get("outcome"), answer.get("basis")

    def call(self, said):
        """What the client was answered; what it says of itself where it fails."""
        command = [*map(str, CLIENTS[self.name]), self.wsdl]
        ended = subprocess.run(
            command, input=json.dumps(said), capture_output=True, text=True, timeout=CLIENT_SECONDS, env=self.environment
        )
        if ended.returncode != 0 or not ended.stdout.strip():
            return {"failed": (ended.stderr or ended.stdout)[-2000:]}
        return json.loads(ended.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--node-modules", required=True, help="where the npm package soap is")
    parser.add_argument("--only", choices=CLIENTS)
    arguments = parser.parse_args()
    environment = os.environ | {"NODE_PATH": str(pathlib.Path(arguments.node_modules).resolve())}
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        environment.pop(proxy, None)
    good, bad = 0, []
    binary = pathlib.Path(arguments.binary).resolve()
    with Workbench(binary, SCHEMAS, [TENANT], lambda _: (404, "text/plain", b"")) as workbench:
        for name in [arguments.only] if arguments.only else CLIENTS:
            print(f"{name}: running", flush=True)
            client = Round(workbench, name, environment)
            try:
                client.run()
            except Exception as error:
                client.expect(False, f"{type(error).__name__}: {error}")
            good, bad = good + client.good, bad + client.bad
        if bad:
            print("failures:", *bad, workbench.log("gateway")[-4000:], sep="\n  ")
    print(f"{good} passed, {len(bad)} failed")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotStarted as error:
        print(error)
        sys.exit(1)
