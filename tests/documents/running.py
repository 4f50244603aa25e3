"""The ground that the documents' commands are run on: a folder with the files that they name, a simulator and a gateway.

The gateway's configuration is the README's own block, with real values in the place of `…`. It judges nothing.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

START_SECONDS = 30
STOP_SECONDS = 15
COMMAND_SECONDS = 20
KEY = "key-of-the-documents"
HASH = f"sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"
# Where the documents' gateway is: for callers, for health, for the world.
URLS = re.compile(r"http://127\.0\.0\.1:808[01]|https://gateway\.example(?::\d+)?")
EVENT = {
    "eventId": "doc-1",
    "eventType": "WireTransfer",
    "customer": {"id": "C-9", "tier": "new"},
    "transaction": {"amount": 12500, "currency": "USD", "payee": "ACME Ltd"},
}
# Of a call to POST /v1/sources/my-ivr, as the README's source reads it.
CALL = {"kind": "wire", "call": {"id": "42"}, "caller": {"customer": "C-10"}, "amount": "12.50", "extra": {"Branch": "7"}}
# What the ground's gateway has beyond the README's block. Nothing here is about time: on a busy machine too, an answer is
# what Xceed said.
MORE = """
[tenants.first-bank.policy]
deadline_ms = 5000
[tenants.first-bank.limits]
checks_per_customer = {{ count = 1000, window = "10m" }}
[tenants.first-bank.cxone]
api_url = "http://127.0.0.1:{simulator}"
token_url = "http://127.0.0.1:{simulator}/api/v2/oauth/token"
client_id = "doc"
client_secret = {{ file = "secret.key" }}
[tenants.first-bank.sources.my-ivr]
file = "sources/my-ivr.toml"
[console]
operators = [{{ name = "doc", hash = "{hash}", role = "operator" }}]
"""


class NotStarted(Exception):
    """The gateway or the simulator did not come up; its log tells why."""


@dataclasses.dataclass
class Ended:
    """How a command ended; -1 where it had to be ended."""

    code: int
    out: str
    err: str

    def __str__(self):
        return f"status {self.code}\n{self.out[-1500:]}{self.err[-1500:]}".rstrip()


class Ground:
    """A folder with a simulator and a gateway; what it started it ends, as a context manager."""

    def __init__(self, root, binary, blocks):
        """`blocks` are the README's, by what they are: `gateway`, `source`, `verify`."""
        self.root, self.binary, self.blocks = root, binary, blocks
        self.processes, self.parked = {}, 0

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="xceed-documents-")
        self.folder = pathlib.Path(self._folder.name)
        self.environment = {
            "PATH": f"{self.folder}/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder), "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
            "FIRST_BANK_XCEED_KEY": "0123456789abcdef", "XCEED_GATEWAY_KEY": KEY, "CALLER_KEY": KEY, "OPERATOR_KEY": KEY,
        }  # fmt: skip
        try:
            self._furnish()
            self.simulator = self.free_port()
            self.port = self._serve()
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes.values()):
            stop(process)
        self._folder.cleanup()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def write(self, name, text, private=False):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600 if private else 0o644)
        return path

    def _furnish(self):
        for name in ("bin", "data", "backup"):
            (self.folder / name).mkdir()
        (self.folder / "bin/xceed-gateway").symlink_to(self.binary)
        (self.folder / "xsd").symlink_to(self.root / "xsd")
        # What a curl was answered with is told beside its answer, and none goes on for ever.
        self.write(".curlrc", 'write-out = "%{stderr}%{http_code} %{content_type}"\nmax-time = 10\nnoproxy = "*"\n')
        self.write("event.json", json.dumps(EVENT))
        self.write("body.json", json.dumps({"contactId": 4711, "amount": "12.50", "eventType": "BillPay"}))
        self.write("BODY.json", json.dumps(CALL))
        self.write("secret.key", self.environment["FIRST_BANK_XCEED_KEY"] + "\n", private=True)
        events = (json.dumps(EVENT | {"eventId": f"line-{n}", "customer": {"id": f"C-line-{n}"}}) for n in range(20))
        self.write("events.ndjson", "\n".join(events) + "\n")
        self.write("sources/my-ivr.toml", self.blocks["source"])
        self.write("sources/my-ivr.samples/call.json", json.dumps(CALL))
        self.write("verify.py", self.blocks["verify"])

    def configuration(self, port):
        """The README's, with real values, for a gateway at this port."""
        text = self.blocks["gateway"].replace('"sha256:…"', f'"{HASH}"')
        text = text.replace('"https://…"', f'"http://127.0.0.1:{self.simulator}/xceed"')
        text = text.replace('roles = ["caller"]', 'roles = ["caller", "operator", "auditor"]')
        return f'[server]\nbind = "127.0.0.1:{port}"\n{text}' + MORE.format(simulator=self.simulator, hash=HASH)

    def _serve(self):
        """Another may take a free port before it is listened at, so it is tried more than once."""
        for _ in range(3):
            port = self.free_port()
            self.write("gateway.toml", self.configuration(port))
            simulate = ["simulate", "--bind", f"127.0.0.1:{self.simulator}"]
            self.start("simulator", simulate)
            self.start("gateway", ["serve"])
            if answers(f"http://127.0.0.1:{self.simulator}/", self.processes["simulator"]):
                if answers(f"http://127.0.0.1:{port}/readyz", self.processes["gateway"]):
                    return port
            logs = "\n".join((self.folder / f"{name}.log").read_text() for name in self.processes)
            for process in self.processes.values():
                stop(process)
            self.simulator = self.free_port()
        raise NotStarted(f"the gateway that the README shows does not start:\n{logs}")

    def _fill(self):
        """Makes what the commands look for: a payload and an artefact."""
        payload = json.loads(self.run("xceed-gateway translate event.json --output json").out)["payload"]
        self.write("payload.xml", payload)
        self.write("action.json", self.run("xceed-gateway artefact genesys genesys-assess").out)

    def park(self, kind):
        """Has a delivery parked, one to Xceed (`d`) or a decision on its way back (`p`), and tells its id."""
        self.parked += 1
        event = EVENT | {"eventId": f"park-{self.parked}", "customer": {"id": f"SIM-XML_VALIDATION_FAIL~{self.parked}"}}
        data = {"interactionId": f"SIM-403~{self.parked}", "amount": 1, "customerId": f"C-back-{self.parked}"}
        before = self.listed()
        if kind == "d":
            self.call("POST", "/v1/events", event)
        else:
            self.call("POST", "/v1/cxone/data-action", {"eventType": "WireTransfer", "data": data})
        new = self.until(lambda: self.listed() - before)
        return next((name for name in new if name.startswith(kind)), None)

    def listed(self):
        return {row["deliveryId"] for row in self.call("GET", "/v1/parked")["parked"]}

    def hold(self):
        """Has Xceed refuse the hash of three events, so that their queue is held, and then no more."""
        behaviour = f"http://127.0.0.1:{self.simulator}/_sim/behaviour"
        self.call("PUT", behaviour, {"code": "HASH_KEY_FAIL"})
        for _ in range(4):
            self.parked += 1
            customer = {"id": f"C-held-{self.parked}"}
            self.call("POST", "/v1/events", EVENT | {"eventId": f"hold-{self.parked}", "customer": customer})
        held = self.until(lambda: self.call("GET", "/v1/held")["held"])
        self.call("DELETE", behaviour)
        return held

    @staticmethod
    def until(look):
        end = time.monotonic() + START_SECONDS
        while not (found := look()) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def start(self, name, arguments, cwd=None, environment=None):
        """Starts the gateway's program, with a log of its own."""
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [self.folder / "bin/xceed-gateway", *arguments], cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=self.environment | (environment or {}),
            )  # fmt: skip
        return self.processes[name]

    def call(self, method, path, body=None):
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", f"Bearer {KEY}")
        request.add_header("Content-Type", "application/json")
        with DIRECT.open(request, timeout=COMMAND_SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def run(self, text, cwd=None, seconds=COMMAND_SECONDS, environment=None):
        """Runs a command as a shell would in the folder, with all that it starts ended after so many seconds."""
        process = subprocess.Popen(
            ["bash", "-c", f"set -euo pipefail\n{text}"], cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment | (environment or {}),
            start_new_session=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            process.returncode = -1
        return Ended(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def real(self, text):
        """A command with this ground's values in the place of the documents'."""
        if re.match(r"curl |xceed-gateway (?:load|parked|health) ", text):
            text = URLS.sub(self.url, text).replace("Bearer KEY", f"Bearer {KEY}")
        if re.match(r"xceed-gateway (?:load|parked|health) ", text) and "--url" not in text:
            text += f" --url {self.url}"
        return text

    def copy(self, name, configuration):
        """A folder beside it with the same files and another configuration, and nothing recorded."""
        there = self.folder / name
        shutil.rmtree(there, ignore_errors=True)
        (there / "data").mkdir(parents=True)
        for file in ("xsd", "sources", "secret.key"):
            (there / file).symlink_to(self.folder / file)
        (there / "gateway.toml").write_text(configuration, encoding="utf-8")
        return there

    @staticmethod
    def free_port():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return listener.getsockname()[1]


# Never by a proxy: all of it is on this machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url, process):
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), DIRECT.open(url, timeout=5) as answer:
            return answer.status == 200
        time.sleep(0.05)
    return False


def stop(process):
    """Ends a process in order, and tells its status; None where it had to be killed."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
