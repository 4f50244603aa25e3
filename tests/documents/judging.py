"""Judges what the documents' commands have printed, beside what the documents say of it.

Each function is given the suite and a command, runs it on the suite's ground, and expects what it expects. Which command goes
to which of them is the table in check.py.
"""

import json
import re
import shlex
import threading
import time

import jsonschema
from reading import scan
from running import EVENT, answers, stop

FLAT_MAX = 2048
# Other at each call, whatever is shown.
VOLATILE = {"decidedAt", "latencyMs", "eventId", "batchId"}
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
# What a command says that lacks something, and has nothing else wrong.
UNFINISHED = re.compile(r"required arguments were not provided|a value is required for|requires a subcommand")


def alike(shown, got, values):
    """How an answer differs from the one that is shown: other members, or of another kind; other values where asked."""
    if isinstance(shown, dict) and isinstance(got, dict):
        if set(shown) != set(got):
            return f"members {sorted(set(shown) ^ set(got))} are in one of them alone"
        told = (alike(shown[name], got[name], values and name not in VOLATILE) for name in shown)
        return next((f"{name}: {what}" for name, what in zip(shown, told) if what), None)
    numbers = (int, float)
    if type(shown) is not type(got) and not (isinstance(shown, numbers) and isinstance(got, numbers)):
        return f"{got!r} is of another kind than {shown!r}"
    if isinstance(shown, list) and values:
        told = [one for one in shown if one != "…"]
        is_good = set(told) <= set(got) if "…" in shown else told == got
        return None if is_good else f"{got!r}, not {shown!r}"
    is_open = isinstance(shown, str) and "…" in shown
    return f"{got!r}, not {shown!r}" if values and not is_open and shown != got else None


def plain(suite, shown, text):
    """Runs it as it stands: it ends with 0."""
    ended = suite.ground.run(suite.ground.real(text))
    suite.expect(shown, ended.code == 0, f"`{text}` ends with {ended}")
    return ended


def own(suite, shown, text):
    """A command of the gateway. What is only named, without what it needs, is held against its help."""
    ended = suite.ground.run(suite.ground.real(text))
    words = shlex.split(text.split(" > ")[0])[1:]
    if shown.kind == "span" and ended.code == 2 and UNFINISHED.search(ended.err):
        named(suite, shown, words)
    else:
        suite.expect(shown, ended.code == 0, f"`{text}` ends with {ended}")
    named(suite, shown, words + re.findall(r"--[a-z][\w-]*", shown.comment))
    return ended


def named(suite, shown, words):
    """The options that are named are in the help of the command."""
    path = []
    for word in words:
        if not re.fullmatch(r"[a-z-]+", word) or (*path, word) not in suite.helps:
            break
        path.append(word)
    text = suite.helps.get(tuple(path), "")
    for word in words[len(path) :]:
        option = word.split("=")[0]
        if option.startswith("--"):
            suite.expect(shown, re.search(rf"{re.escape(option)}\b", text), f"{' '.join(path)} --help does not know {option}")


def with_file(suite, shown, text):
    """FILE is one of its kind."""
    kinds = {"translate": "event.json", "validate": "payload.xml", "load": "events.ndjson", "lint": "action.json"}
    words = text.split()
    kind = next((kinds[word] for word in words if word in kinds), None)
    if suite.expect(shown, kind, f"`{text}`: what FILE is, nothing knows; add it to with_file in tests/documents/judging.py"):
        own(suite, shown, text.replace("FILE", kind))
        if "lint" in words:
            for path in sorted([*suite.root.glob("deploy/genesys/*.json"), *suite.root.glob("deploy/cxone/*.json")]):
                own(suite, shown, text.replace("FILE", str(path)))


def with_configuration(suite, shown, text):
    """A source of one's own is found by the configuration, which a short form leaves out."""
    ended = own(suite, shown, f"{text} --config gateway.toml")
    for part in ("event", "payload", "envelope"):
        suite.expect(shown, f"--- {part}" in ended.out, f"`{text}` does not show the {part}")


def parked(suite, shown, text):
    """The delivery is one that is parked here, of the same kind."""
    named_id = re.search(r"\b([dp])-\d+", text)
    ours = suite.ground.park(named_id[1])
    if suite.expect(shown, ours, f"nothing is parked whose name begins as that of {named_id[0]}"):
        own(suite, shown, text.replace(named_id[0], ours))


def resume(suite, shown, text):
    """A held queue goes on."""
    suite.expect(shown, suite.ground.hold(), "no queue is held")
    own(suite, shown, text)
    suite.expect(shown, suite.ground.until(lambda: not suite.ground.call("GET", "/v1/held")["held"]), "a queue is held still")


def key(suite, shown, text):
    """The line that it prints is one for the configuration."""
    ended = own(suite, shown, text)
    line = re.search(r"^line:\s+(\{.*\})$", ended.out, re.MULTILINE)
    if suite.expect(shown, line, f"`{text}` prints no line for the configuration"):
        given = {"XCEED_GATEWAY__TENANTS__FIRST_BANK__API_KEYS": f"[{line[1]}]"}
        checked = suite.ground.run("xceed-gateway check --config gateway.toml", environment=given)
        suite.expect(shown, checked.code == 0, f"the line that `{text}` prints is refused: {checked}")


def example(suite, shown, text):
    """What it writes is a configuration that is right as it stands."""
    cwd = suite.ground.copy("example", "")
    ended = suite.ground.run(text, cwd=cwd)
    suite.expect(shown, ended.code == 0, f"`{text}` ends with {ended}")
    checked = suite.ground.run("xceed-gateway check --config gateway.toml", cwd=cwd)
    suite.expect(shown, checked.code == 0, f"what `{text}` writes is refused: {checked}")


def override(suite, shown, text):
    """A variable is read in the place of the configuration: it is taken, and what is no value for it is refused."""
    name, value = text.split("=", 1)
    checked = suite.ground.run("xceed-gateway check --config gateway.toml", environment={name: value})
    suite.expect(shown, checked.code == 0, f"`{text}` is refused: {checked}")
    checked = suite.ground.run("xceed-gateway check --config gateway.toml", environment={name: "[[no value]]"})
    suite.expect(shown, checked.code == 1, f"`{name}` is not read: nonsense in it is taken")


def demo(suite, shown, text):
    """Its events are as many as the document says, and the call that it prints goes through."""
    number = re.search(r"(\w+) events", shown.comment)
    if not suite.shown_by_demo:
        suite.shown_by_demo = again(lambda: run_demo(suite), lambda ended: ended.code == 0)
    ended = suite.shown_by_demo
    lines = [json.loads(line) for line in ended.out.splitlines() if line.startswith("{")]
    suite.expect(shown, ended.code == 0 and lines, f"`demo --once --output json` ends with {ended}")
    suite.expect(shown, all("decision" in line for line in lines), "a line of `demo --output json` is no decision")
    if number and number[1] in WORDS:
        told = WORDS.index(number[1])
        suite.expect(shown, len(lines) == told, f"`demo` shows {len(lines)} events, the document says {number[1]}")
    if "--once" in text:
        return
    process = again(lambda: started_demo(suite), lambda process: process.poll() is None)
    try:
        printed = (suite.ground.folder / "demo.log").read_text(errors="replace")
        calls = calls_in(printed)
        suite.expect(shown, len(calls) >= 3, f"`demo` prints {len(calls)} calls to try: {printed[-500:]}")
        for call in calls:
            called = suite.ground.run(call)
            suite.expect(shown, called.code == 0 and called.err.startswith("20"), f"`{call}`, which it prints: {called}")
        signed = re.search(r"key is `(\w+)`", suite.readme)
        suite.expect(shown, signed and f"Bearer {signed[1]}" in printed, "the demo's key is not the README's")
    finally:
        suite.expect(shown, stop(process) == 0, "`demo` does not end in order")


def again(act, is_good):
    """The demo's usual ports may be taken between its look and its start, by another suite's: then it is started again."""
    for _ in range(3):
        if is_good(done := act()):
            break
    return done


def run_demo(suite):
    return suite.ground.run("xceed-gateway demo --once --output json", seconds=40)


def started_demo(suite):
    process = suite.ground.start("demo", ["demo"])
    until(suite.ground.folder / "demo.log", "Stop with Ctrl-C", process)
    return process


def calls_in(printed):
    """The calls in a text for people: each from its `curl` to where its last quote is closed."""
    calls = []
    for part in re.split(r"(?=\bcurl -)", printed)[1:]:
        lines = part.splitlines()
        text = lines[0].split(";")[0]
        for line in lines[1:]:
            if not scan(text)[2]:
                break
            text += "\n" + line
        calls.append(text)
    return calls


def until(file, text, process, seconds=30):
    """Waits for a text that a program writes, or for the program's end."""
    end = time.monotonic() + seconds
    while text not in file.read_text(errors="replace") and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def serve(suite, shown, text):
    """A gateway beside the other, until it is ready; then it is stopped. What the line names for later is tried as well."""
    options = shlex.split(text)[2:]
    more = re.findall(r"--\w[\w-]*(?: \w+)?", shown.comment)
    for extra in [[], *(more and [shlex.split(" ".join(more[:1]))] or [])]:
        port = suite.ground.free_port()
        cwd = suite.ground.copy("serving", suite.ground.configuration(port))
        process = suite.ground.start("serving", ["serve", *options, *extra], cwd=cwd)
        ready = answers(f"http://127.0.0.1:{port}/readyz", process)
        code = stop(process)
        log = (suite.ground.folder / "serving.log").read_text(errors="replace")
        suite.expect(shown, ready, f"`{text}` {extra} is not ready: {log[-800:]}")
        suite.expect(shown, code == 0, f"`{text}` {extra} ends with {code}")
        if extra == ["--log", "json"]:
            suite.expect(shown, all(json.loads(line) for line in log.splitlines()), "its log is no JSON")


def simulate(suite, shown, text):
    port = suite.ground.free_port()
    process = suite.ground.start("another", shlex.split(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", text))[1:])
    suite.expect(shown, answers(f"http://127.0.0.1:{port}/", process), f"`{text}`: nothing answers")
    suite.expect(shown, stop(process) == 0, f"`{text}` does not end in order")


def curl(suite, shown, text):
    """The status is good, and the answer is of the shape that is shown beside the command."""
    if re.search(r"\bcurl -\w*N", text):
        return stream(suite, shown, text)
    ended = suite.ground.run(suite.ground.real(text))
    told = re.match(r"(\d+) ?(\S*)", ended.err.splitlines()[-1] if ended.err else "")
    wanted = re.search(r"\b(\d{3}) (\{.*\})", shown.comment)
    status = wanted[1] if wanted else "2"
    if not suite.expect(shown, ended.code == 0 and told and told[1].startswith(status), f"`{text}` is answered {ended}"):
        return None
    answer = json.loads(ended.out) if "json" in told[2] else None
    example, is_nearest = suite.answer_beside(shown)
    if wanted:
        example, is_nearest = json.loads(wanted[2]), True
    if example is not None:
        suite.expect(shown, answer is not None, f"`{text}` is answered {told[2]}, and JSON is shown")
        what = alike(example, answer, is_nearest)
        suite.expect(shown, what is None, f"`{text}` is answered otherwise than shown: {what}: {ended.out}")
    if isinstance(answer, dict) and "isHighRisk" in answer:
        flat(suite, shown, answer, len(ended.out.encode()))
    return ended


def flat(suite, shown, answer, size):
    schema = json.loads((suite.root / "src/sources/flat-answer.schema.json").read_text())
    errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(answer)]
    suite.expect(shown, not errors, f"the flat answer is none: {errors}")
    suite.expect(shown, size < FLAT_MAX, f"the flat answer has {size} bytes")
    for name, value in answer.items():
        suite.expect(shown, value is not None and not isinstance(value, (dict, list)), f"{name} of the flat answer is {value!r}")


def stream(suite, shown, text):
    """A decision that falls while it listens comes in as it was told."""
    told, over = [], threading.Event()

    def submit():
        # One after the other, since nothing says when the listening has begun.
        while not over.wait(0.6):
            event = EVENT | {"eventId": f"stream-{shown.line}-{len(told)}", "customer": {"id": "C-stream"}}
            told.append(suite.ground.call("POST", "/v1/events", event))

    calling = threading.Thread(target=submit)
    calling.start()
    ended = suite.ground.run(f"{suite.ground.real(text)} --max-time 3")
    over.set()
    calling.join()
    suite.expect(shown, ended.code == 28, f"`{text}` does not go on: {ended}")
    datas = re.findall(r"^event: decision\n(?:(?!\n).*\n)*?data: (\{.*\})$", ended.out, re.MULTILINE)
    is_told = any(json.loads(data) in told for data in datas)
    suite.expect(shown, is_told, f"`{text}` does not tell decisions as they were told: {ended}")


def export(suite, shown, text):
    """Each line is an entry with its hash."""
    ended = own(suite, shown, text)
    file = text.split(" > ")[1].strip() if " > " in text else None
    lines = ((suite.ground.folder / file).read_text() if file else ended.out).splitlines()
    suite.expect(shown, lines and all("hash" in json.loads(line) for line in lines), f"`{text}` writes no entries with hashes")


def verify(suite, shown, text):
    """The README's program on an export of now: the checkpoints first, so that the export is the newer one."""
    ground = suite.ground
    ground.run("cp data/audit.checkpoints . && xceed-gateway audit export --config gateway.toml > trail.jsonl")
    public = json.loads(ground.run("xceed-gateway audit key --output json").out)["key"]
    ended = ground.run(text.replace("KEY", public))
    suite.expect(shown, ended.code == 0 and "entries" in ended.out, f"`{text}` ends with {ended}")
    trail = ground.folder / "trail.jsonl"
    trail.write_text(trail.read_text().replace("accepted", "accepter", 2))
    ended = ground.run(text.replace("KEY", public))
    suite.expect(shown, ended.code != 0, f"`{text}` takes a trail that was changed")


def store_key(suite, shown, text):
    """A key that the line behind the command takes."""
    plain(suite, shown, text)
    path = re.search(r"> (\S+)", text)[1]
    file = suite.ground.folder / path
    suite.expect(shown, re.fullmatch(r"[0-9a-f]{64}\n", file.read_text()), f"{path} is no key of 64 digits")
    suite.expect(shown, file.stat().st_mode & 0o777 == 0o600, f"{path} is not for its owner alone")
    given = re.search(r"(\w+)\.(\w+) = (.*)", shown.comment)
    if given:
        name = f"XCEED_GATEWAY__{given[1]}__{given[2]}".upper()
        checked = suite.ground.run("xceed-gateway check --config gateway.toml", environment={name: given[3]})
        suite.expect(shown, checked.code == 0, f"`{given[0]}` is refused: {checked}")


def backup(suite, shown, text):
    """The backup is whole, and a gateway of its own would take it."""
    made = suite.ground.folder / re.search(r"INTO '([^']+)'", text)[1]
    made.parent.mkdir(exist_ok=True)
    made.unlink(missing_ok=True)
    plain(suite, shown, text)
    looked = suite.ground.run(f"sqlite3 {made} 'PRAGMA integrity_check'")
    suite.expect(shown, looked.out.strip() == "ok", f"the backup is not whole: {looked}")
    port = suite.ground.free_port()
    cwd = suite.ground.copy("restored", suite.ground.configuration(port))
    made.rename(cwd / "data/gateway.db")
    for name in ("audit.key", "audit.checkpoints"):
        data = (suite.ground.folder / "data" / name).read_bytes()
        (cwd / "data" / name).write_bytes(data)
        (cwd / "data" / name).chmod(0o600)
    process = suite.ground.start("restored", ["serve"], cwd=cwd)
    suite.expect(shown, answers(f"http://127.0.0.1:{port}/healthz", process), "no gateway starts on the backup")
    suite.expect(shown, stop(process) == 0, "the gateway on the backup does not end in order")


def integrity(suite, shown, text):
    ended = plain(suite, shown, text)
    suite.expect(shown, ended.out.strip() == "ok", f"`{text}` says {ended}")


def cargo_run(suite, shown, text):
    """What cargo would run is the binary that is given."""
    faults = suite.targets.faults(text.split(" -- ")[0].split())
    suite.expect(shown, not faults, f"`{text}`: {'; '.join(faults)}")
    suite.judge(shown, "xceed-gateway " + text.split(" -- ", 1)[1])


def cargo(suite, shown, text):
    faults = suite.targets.faults(text.split())
    suite.expect(shown, not faults, f"`{text}`: {'; '.join(faults)}")
