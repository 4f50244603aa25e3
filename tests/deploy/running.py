"""The configurations of deploy/, each with a real gateway: as nobody, with files where the image, the pod or the service has
them, only below a folder of its own, and all addresses on loopback."""

import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

import manifests
import unit

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))

from gateway import free_port  # noqa: E402

# Whom the image runs as.
NOBODY = 65532
PATIENCE = 60
SECRET = "311a5439c8bda8ef"
KEY = "key-of-a-test"
NO_KEY = "0" * 64
EVENT = {
    "eventId": "deployed-1", "eventType": "WireTransfer", "customer": {"id": "C-1", "tier": "new"},
    "transaction": {"amount": 12500.00, "currency": "USD", "payee": "ACME Ltd"},
}


class Machine:
    """A folder in the place of `/`, and the processes that run in it."""

    def __init__(self, binary):
        self.binary = binary

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="xceed-deploy-")
        self.root, self.processes = pathlib.Path(self.folder.name), []
        shutil.copy(self.binary, self.root / "xceed-gateway")
        shutil.copytree(ROOT / "xsd", self.root / "usr/share/xceed-gateway/xsd")
        (self.root / "log").mkdir()
        self.own("var/lib/xceed-gateway")
        self.program = self.root / "xceed-gateway"
        self.root.chmod(0o755)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.folder.cleanup()

    def own(self, path):
        """A folder that the gateway's user may write to."""
        folder = self.root / path
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        return folder

    def write(self, path, text, mode=0o644):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        if os.geteuid() == 0:
            os.chown(file, NOBODY, NOBODY)
        return file

    def as_nobody(self):
        # Whoever is not root already is nobody else.
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def run(self, *arguments, **environment):
        return subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, timeout=PATIENCE, cwd=self.root,
            env=environment, stdin=subprocess.DEVNULL, **self.as_nobody(),
        )

    def start(self, name, *arguments, under=(), folder="var/lib/xceed-gateway", **environment):
        with open(self.root / f"log/{name}", "wb") as log:
            process = subprocess.Popen(
                [*under, self.program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.root / folder, env=environment | {"PATH": os.environ["PATH"]}, **self.as_nobody(),
            )
        self.processes.append(process)
        return process

    def log(self, name):
        return (self.root / f"log/{name}").read_text(errors="replace")[-2000:]

    def here(self, text, *exceptions):
        """A configuration's absolute paths, below this folder; addresses of everybody, on loopback."""
        below = re.sub(r'"/((?:usr|var|run|etc)/[^"]+)"', lambda path: f'"{self.root}/{path[1]}"', text)
        for before, after in exceptions:
            assert before in below, f"{before} is not in the configuration any more"
            below = below.replace(before, after)
        return below


def until_healthy(tally, machine, url, name, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        asked = machine.run("health", "--url", url)
        if asked.returncode == 0:
            return tally.expect(True, "")
        time.sleep(0.1)
    return tally.expect(False, f"{name} does not take events in: {asked.stderr}{machine.log(name)}")


def submit(tally, url, key, context=None):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    call = urllib.request.Request(f"{url}/v1/events", json.dumps(EVENT).encode(), headers)
    with urllib.request.urlopen(call, timeout=PATIENCE, context=context) as answer:
        told = json.load(answer)
    # Whether in time or by the fallback is a matter of the machine.
    tally.expect(told["decision"] in ("ALLOW", "CHALLENGE", "REVIEW", "BLOCK"), f"an event was answered {told}")


def is_sound(tally, checked, unsafe):
    """A configuration of which nothing is wrong, and just so much is told to be unsafe."""
    warnings = checked.stdout.count("warning: "), checked.stdout.count("warning: server.unsafe")
    tally.expect(checked.returncode == 0 and warnings == (unsafe, unsafe), f"check: {checked.stdout}{checked.stderr}")


def is_answered(url, context=None):
    with urllib.request.urlopen(url, timeout=PATIENCE, context=context) as answer:
        return answer.status == 200


def one_event(port):
    """The event's page in the console, for the operator of the Compose file."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/console/sign-in", "key=demo", form)
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    connection.request("GET", f"/console/events/first-bank/{EVENT['eventId']}", headers={"Cookie": cookie})
    return connection.getresponse().read().decode()


def ends(tally, process, within):
    process.terminate()
    try:
        tally.expect(process.wait(within) == 0, f"it ended with {process.returncode}")
    except subprocess.TimeoutExpired:
        tally.expect(False, f"it does not end within {within} s")


def simulator(machine, config, port):
    process = machine.start("xceed", "simulate", "--config", config, "--bind", f"127.0.0.1:{port}", DEMO_XCEED_KEY=SECRET)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            if is_answered(f"http://127.0.0.1:{port}/"):
                return process
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the simulator does not start: {machine.log('xceed')}")


def database():
    """A new database on the PostgreSQL of the tests, and its URL."""
    server = os.environ["XCEED_GATEWAY_TEST_POSTGRES"]
    name = f"deploy_{os.getpid()}"
    subprocess.run(["psql", "--quiet", f"{server}/postgres", "--command", f"CREATE DATABASE {name}"], check=True, timeout=PATIENCE)
    return f"{server}/{name}"


def compose(tally, binary):
    """The Compose file's services, by hand."""
    with Machine(binary) as machine:
        text = manifests.configuration()
        as_it_is = machine.write("etc/as-it-is.toml", machine.here(text))
        checked = machine.run("check", "--config", as_it_is, DEMO_XCEED_KEY=SECRET)
        is_sound(tally, checked, 1)
        calls, admin, xceed = free_port(), free_port(), free_port()
        config = machine.write("etc/gateway.toml", machine.here(
            text, ("0.0.0.0:8080", f"127.0.0.1:{calls}"), ("0.0.0.0:8081", f"127.0.0.1:{admin}"),
            ("127.0.0.1:9090", f"127.0.0.1:{xceed}"), ("http://127.0.0.1:8080", f"http://127.0.0.1:{calls}"),
            ("postgres://gateway@database:5432/gateway?sslmode=disable", database()),
        ))
        gateway = machine.start("gateway", "serve", "--config", config, "--log", "json", DEMO_XCEED_KEY=SECRET)
        simulator(machine, config, xceed)
        if until_healthy(tally, machine, f"http://127.0.0.1:{admin}", "gateway", gateway):
            submit(tally, f"http://127.0.0.1:{calls}", "demo")
            tally.expect(is_answered(f"http://127.0.0.1:{admin}/console/sign-in"), "the console is where the Compose file says")
            page = one_event(admin)
            tally.expect("<strong>accepted</strong>" in page, f"the console shows the event's audit trail: {page[-1500:]}")
            live = machine.run("health", "--live", "--url", f"http://127.0.0.1:{admin}")
            tally.expect(live.returncode == 0, f"the image's probe: {live.stderr}")
            ends(tally, gateway, 15)


def kubernetes(tally, binary):
    """A pod's gateway, with TLS, and its probes."""
    objects = [one for file in manifests.KUBERNETES.glob("*.yaml") for one in manifests.documents_of(file.read_text())]
    pod = manifests.pod_of(objects)["spec"]
    with Machine(binary) as machine:
        tls = machine.own("run/secrets/tls")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=gateway.example", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tls / "tls.key", "-out", tls / "tls.crt"],
            check=True, capture_output=True, timeout=PATIENCE,
        )
        for file in tls.iterdir():
            file.chmod(0o440)
            if os.geteuid() == 0:
                os.chown(file, 0, NOBODY)
        machine.write("run/secrets/xceed-gateway/xceed-key", SECRET, 0o440)
        machine.write("run/secrets/xceed-gateway/pgpass", "*:*:*:gateway:not-asked-here", 0o440)
        text = (manifests.KUBERNETES / "gateway.toml").read_text()
        as_it_is = machine.write("etc/as-it-is.toml", machine.here(text))
        environment = {env["name"]: f"{machine.root}{env['value']}" for env in pod["containers"][0]["env"]}
        checked = machine.run("check", "--config", as_it_is, **environment)
        is_sound(tally, checked, 1)
        calls, admin, xceed = free_port(), free_port(), free_port()
        store = re.search(r'^url = "(postgres://[^"]+)"$', text, re.MULTILINE)[1]
        config = machine.write("etc/gateway.toml", machine.here(
            text, ("0.0.0.0:8443", f"127.0.0.1:{calls}"), ("0.0.0.0:8081", f"127.0.0.1:{admin}"),
            ("https://xceed.example/api", f"http://127.0.0.1:{xceed}/xceed"), (NO_KEY, hash_of(KEY)),
            (store, f"sqlite:{machine.root}/var/lib/xceed-gateway/gateway.db"),
        ))
        simulator(machine, config, xceed)
        gateway = machine.start("gateway", "serve", "--config", config, "--log", "json", **environment)
        if until_healthy(tally, machine, f"http://127.0.0.1:{admin}", "gateway", gateway):
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = pod["containers"][0][probe]["httpGet"]
                tally.expect(asked["port"] == "admin" and is_answered(f"http://127.0.0.1:{admin}{asked['path']}"), f"{probe}: {asked}")
            submit(tally, f"https://127.0.0.1:{calls}", KEY, ssl.create_default_context(cafile=str(tls / "tls.crt")))
            ends(tally, gateway, pod["terminationGracePeriodSeconds"])


def systemd(tally, binary):
    """The service's gateway under strace: its system calls are those that the unit allows, and it writes to its state alone."""
    with Machine(binary) as machine:
        machine.write("run/credentials/xceed-gateway.service/xceed-key", SECRET, 0o400)
        text = (ROOT / "deploy/systemd/gateway.toml").read_text()
        calls, admin, xceed = free_port(), free_port(), free_port()
        config = machine.write("etc/xceed-gateway/gateway.toml", machine.here(
            text, ("127.0.0.1:8080", f"127.0.0.1:{calls}"), ("127.0.0.1:8081", f"127.0.0.1:{admin}"),
            ("https://xceed.example/api", f"http://127.0.0.1:{xceed}/xceed"), (NO_KEY, hash_of(KEY)),
        ))
        checked = machine.run("check", "--config", config)
        is_sound(tally, checked, 0)
        traces = machine.own("trace")
        simulator(machine, config, xceed)
        gateway = machine.start(
            "gateway", "serve", "--config", config, "--log", "json", under=("strace", "-f", "-qq", "-o", traces / "calls")
        )
        if until_healthy(tally, machine, f"http://127.0.0.1:{admin}", "gateway", gateway):
            submit(tally, f"http://127.0.0.1:{calls}", KEY)
            tally.expect(is_answered(f"http://127.0.0.1:{admin}/metrics"), "metrics are told")
            served = pathlib.Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()
            for child in served:
                os.kill(int(child), signal.SIGHUP)
            time.sleep(1)
            for child in served:
                os.kill(int(child), signal.SIGTERM)
            try:
                tally.expect(gateway.wait(PATIENCE) == 0, f"it ended with {gateway.returncode}: {machine.log('gateway')}")
            except subprocess.TimeoutExpired:
                tally.expect(False, "it does not end")
            confined(tally, machine, (traces / "calls").read_text(errors="replace"))


def confined(tally, machine, trace):
    made = set(re.findall(r"^\d+ +(\w+)\(", trace, re.MULTILINE))
    allowed, families = unit.allowed_calls()
    tally.expect(len(made) > 30, f"the trace has {len(made)} kinds of calls")
    tally.expect(len(allowed) > 200 and made <= allowed, f"the unit does not allow {sorted(made - allowed)}")
    opened = set(re.findall(r"\bsocket\((AF_\w+)", trace))
    tally.expect(opened and opened <= families, f"the unit does not allow sockets of {sorted(opened - families)}")
    state = str(machine.root / "var/lib/xceed-gateway")
    for path, flags in re.findall(r'\bopenat\(AT_FDCWD, "([^"]+)", ([A-Z_|]+)', trace):
        if re.search("O_WRONLY|O_RDWR|O_CREAT", flags):
            whole = os.path.join(state, path)
            tally.expect(whole.startswith(state) or whole == "/dev/null", f"it writes to {whole}")


def hash_of(key):
    return hashlib.sha256(key.encode()).hexdigest()
