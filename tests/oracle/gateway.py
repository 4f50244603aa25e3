"""Starts a real simulator and a real gateway from a given binary, on loopback and in a temporary folder.

It knows the command line, the configuration and the doors as documented, and nothing of how they are built. It serves
live.py; it judges nothing.
"""

import dataclasses
import hashlib
import http.client
import http.server
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

START_SECONDS = 60
ANSWER_SECONDS = 60
STOP_SECONDS = 15
ATTEMPTS = 3


class NotStarted(Exception):
    """The gateway or the simulator did not come up; its log tells why."""


@dataclasses.dataclass
class Tenant:
    """One tenant: the keys of its [xceed] and [policy], where its Xceed is, what its key may do, and its sources' files."""

    name: str
    xceed: dict
    policy: dict = dataclasses.field(default_factory=dict)
    upstream: str = "simulator"
    roles: tuple = ("caller",)
    sources: dict = dataclasses.field(default_factory=dict)

    @property
    def api_key(self):
        return f"key-of-{self.name}"


class Client:
    """One connection that is kept alive; not for several threads."""

    def __init__(self, port, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        self.headers = headers or {}

    def call(self, method, path, body=None, headers=None):
        """(status, body); the path goes out as it is given."""
        self.connection.request(method, path, body, self.headers | (headers or {}))
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def submit(self, tenant, body):
        headers = {"Authorization": f"Bearer {tenant.api_key}", "Content-Type": "application/json"}
        return self.call("POST", "/v1/events", body, headers)

    def look_up(self, tenant, event_id):
        return self.call("GET", f"/v1/events/{event_id}", headers={"X-Api-Key": tenant.api_key})


class Workbench:
    """A simulator, a gateway, and a canned Xceed; what it started it ends, as a context manager."""

    def __init__(self, binary, schemas, tenants, canned_answer, server=None):
        self.binary, self.schemas, self.tenants = str(binary), pathlib.Path(schemas), tenants
        self.server = server or {}
        self.canned = CannedXceed(canned_answer)
        self.processes = {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="xceed-oracle-")
        try:
            threading.Thread(target=self.canned.serve_forever, daemon=True).start()
            self.simulator_port = self._start("simulator", self._simulate, "/_sim/received/count")
            self.gateway_port = self._start("gateway", self._serve, "/readyz")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.canned.shutdown()
        self.canned.server_close()
        self.folder.cleanup()

    def gateway(self):
        return Client(self.gateway_port)

    def simulator(self):
        return Client(self.simulator_port)

    def log(self, name):
        return (pathlib.Path(self.folder.name) / f"{name}.log").read_text(errors="replace")

    def _simulate(self, port):
        # Who is served is all that the simulator reads; where it is itself stands in its own argument.
        config = self._configuration("simulator", port, port)
        return ["simulate", "--config", config, "--bind", f"127.0.0.1:{port}"]

    def _serve(self, port):
        return ["serve", "--config", self._configuration("gateway", port, self.simulator_port)]

    def _start(self, name, arguments, door):
        """Starts a process on a free port and waits until it answers; another may have taken the port meanwhile."""
        for _ in range(ATTEMPTS):
            port = free_port()
            with open(pathlib.Path(self.folder.name) / f"{name}.log", "wb") as log:
                command = [self.binary, *arguments(port)]
                self.processes[name] = subprocess.Popen(
                    command, cwd=self.folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            if self._answers(self.processes[name], port, door):
                return port
        raise NotStarted(f"{name} did not start:\n{self.log(name)}")

    @staticmethod
    def _answers(process, port, door):
        end = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            try:
                if Client(port).call("GET", door)[0] == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return False

    def _configuration(self, name, port, simulator_port):
        urls = {"simulator": simulator_port, "canned": self.canned.server_address[1]}
        lines = [
            "[server]",
            f'bind = "127.0.0.1:{port}"',
            *(f"{name} = {in_toml(value)}" for name, value in self.server.items()),
            "[store]",
            f"url = {quoted('sqlite:' + self.folder.name + '/gateway.db')}",
            "[audit]",
            f"checkpoints = {quoted(self.folder.name + '/audit.checkpoints')}",
            f"signing_key = {{ file = {quoted(self.folder.name + '/audit-key')} }}",
            "[schemas]",
            f"dir = {quoted(str(self.schemas.resolve()))}",
        ]
        for tenant in self.tenants:
            lines += self._tenant(tenant, f"http://127.0.0.1:{urls[tenant.upstream]}/xceed")
        path = pathlib.Path(self.folder.name) / f"{name}.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    def _tenant(self, tenant, url):
        secret = pathlib.Path(self.folder.name) / f"{tenant.name}.secret"
        secret.write_text(tenant.xceed["secret_key"])
        secret.chmod(0o600)
        key = f"sha256:{hashlib.sha256(tenant.api_key.encode()).hexdigest()}"
        xceed = {k: v for k, v in tenant.xceed.items() if k != "secret_key"}
        # Nothing here is about time: on a busy machine too, an answer is what Xceed said.
        xceed |= {"url": url, "secret_key": {"file": str(secret)}, "attempt_timeout": "30s"}
        policy = {"deadline_ms": 5000} | tenant.policy
        limits = {"checks_per_customer": {"count": 1000, "window": "10m"}, "requests_per_second": 100000}
        table = {"api_keys": [{"name": "oracle", "hash": key, "roles": tenant.roles}]}
        sections = {"": table, ".xceed": xceed, ".policy": policy, ".limits": limits}
        sections |= {f".sources.{name}": {"file": str(file)} for name, file in tenant.sources.items()}
        for section, keys in sections.items():
            yield f"[tenants.{tenant.name}{section}]"
            yield from (f"{name} = {in_toml(value)}" for name, value in keys.items())


class CannedXceed(http.server.ThreadingHTTPServer):
    """Answers with (status, content type, body) as the given function of the request's body says."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), _CannedHandler)
        self.answer = answer


class _CannedHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, body = self.server.answer(request)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def quoted(text):
    # A JSON string is a TOML string too, but for DEL, which no path here holds.
    return json.dumps(text, ensure_ascii=False)


def in_toml(value):
    """A value in TOML's inline notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(k)} = {in_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    return str(value)
