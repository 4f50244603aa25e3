#!/usr/bin/python3
"""Runs every command that the documents show, and holds what comes out against what they say.

README.md and every other document outside fixtures/ is read: commands in blocks and in lines, configuration, answers, links and
anchors; and the examples that `--help` of every command shows. What can't be run here is judged as far as it can be, by the
rules of one table, each with its reason; a command that no rule knows fails.

  /usr/bin/python3 check.py --binary target/release/xceed-gateway
"""

import argparse
import json
import pathlib
import re
import signal
import sys
import urllib.parse

import configuration
import itself
import judging
import reading
import staging
import targets
from running import Ground, NotStarted

ROOT = pathlib.Path(__file__).resolve().parents[2]
AS_IT_STANDS = None


def script(suite, shown, text):
    faults = targets.script_faults(suite.root, re.sub(r"^\S*(?:python3|node|bash) ", "", text))
    suite.expect(shown, not faults, f"`{text}`: {'; '.join(faults)}")


def in_tests_run(suite, shown, text):
    there = text in (suite.root / "tests/run").read_text()
    suite.expect(shown, there, f"`{text}` is not what tests/run does; give it a rule in tests/documents/check.py")


def pg_dump(suite, shown, text):
    told = suite.ground.run("$(command -v pg_dump || ls /usr/lib/postgresql/*/bin/pg_dump | tail -n 1) --help")
    if suite.expect(shown, told.code == 0, f"there is no pg_dump to ask: {told}"):
        for option in re.findall(r"-[a-zA-Z]|--[a-z-]+", text.removeprefix("pg_dump")):
            suite.expect(shown, re.search(rf"^ +.*{option}\b", told.out, re.MULTILINE), f"pg_dump does not know {option}")


# What is done with a command, by how it begins; the first that fits. The last column says why a command is not run as it stands,
# but for the ground's address, key and files, which stand in the place of the documents' everywhere.
RULES = [
    (r"curl ", judging.curl, AS_IT_STANDS),
    (r"xceed-gateway serve\b", judging.serve, "the ground's gateway has its port and store: one more, in a folder beside it"),
    (r"xceed-gateway simulate\b", judging.simulate, "it goes on until it is stopped, and its port may be another suite's"),
    (r"xceed-gateway demo\b", judging.demo, "it goes on until it is stopped, once the calls that it prints were made"),
    (r"xceed-gateway key\b", judging.key, AS_IT_STANDS),
    (r"xceed-gateway parked \w+ [dp]-\d+", judging.parked, "the delivery is one that is parked here, of its kind"),
    (r"xceed-gateway parked resume \S", judging.resume, "nothing is held: first three events get a code that holds their queue"),
    (r"xceed-gateway (?:artefact )?\w+ FILE$", judging.with_file, "FILE is a file of that kind"),
    (r"xceed-gateway translate --source my-ivr", judging.with_configuration, "the short form leaves the configuration out"),
    (r"xceed-gateway .* > gateway\.toml$", judging.example, "the ground's own stays as it is: in a folder beside it"),
    (r"xceed-gateway audit export .*> ", judging.export, AS_IT_STANDS),
    (r"echo \S+ \| xceed-gateway audit fingerprint ", judging.plain, AS_IT_STANDS),
    (r"xceed-gateway ", judging.own, AS_IT_STANDS),
    (r"XCEED_GATEWAY__", judging.override, "a variable is no command: `check` is run with it"),
    (r"python3 verify\.py ", judging.verify, "KEY is what `audit key` prints, and the export is made anew"),
    (r"openssl rand ", judging.store_key, AS_IT_STANDS),
    (r"sqlite3 \S+ .*VACUUM INTO", judging.backup, AS_IT_STANDS),
    (r"sqlite3 \S+ .*integrity_check", judging.integrity, AS_IT_STANDS),
    (r"cargo run --release -- ", judging.cargo_run, "cargo would build first: the binary that is given is run instead"),
    (r"(?:[A-Z_]+=\S+ )*cargo (?:build|bench|test)\b", judging.cargo, "it takes minutes: what it names is looked for"),
    (r"cargo audit$", in_tests_run, "it needs the list of advisories from elsewhere: tests/run does it"),
    (r"tests/run\b", script, "it would run this suite, among hours of others: it is read"),
    (r"(?:(?:\S*/)?(?:python3|node) )?tests/\S+\.(?:py|mjs)\b", script, "it is a part of tests/run: it is read"),
    (r"pg_dump ", pg_dump, "no database is at hand: whether it knows the option is asked"),
    (r"docker run ", staging.container, "there is no image: the binary that is given is run in its place"),
    (r"docker (?:build|compose)\b", staging.files_there, "no daemon, and no images from elsewhere: the files must be there"),
    (r"(?:kubectl|helm) ", staging.kustomize, "there is no cluster: the files must be there"),
    (r"(?:install|cp|mkdir) ", staging.staged, "this machine stays as it is: a folder stands for its root"),
    (r"systemctl ", staging.service, "no services are started here: the unit must find what it needs below that folder"),
]
NO_RULE = (
    "`{}`: no rule of tests/documents/check.py knows how to run or judge this command. Add a row to RULES: AS_IT_STANDS with"
    " judging.plain where it can be run in the folder of tests/documents/running.py, else with how far it can be judged and why"
)
# Languages of fenced blocks that are not read further, since nothing here can.
LANGUAGES = {"text", "yaml", "xml", "diff", "ini", "dockerfile", "mermaid"}

# The files of the source that the README makes up.
EXAMPLE = "sources/my-ivr"
# Calls of others that the documents name, and whose they are.
ELSEWHERE = {"PATCH /api/v2/interactions/{id}": "CXone's", "GET /": "the simulator's"}


class Suite:
    """The tally, and what is read and run."""

    def __init__(self, root, binary):
        self.root, self.binary = root, binary
        self.passed = self.failed = self.ran = 0
        self.names = {"README.md", *reading.documents(root)}
        self.documents = {name: reading.read(root, name) for name in sorted(self.names)}
        self.readme = (root / "README.md").read_text(encoding="utf-8")
        self.targets = targets.Targets(root)
        self.helps = {}
        self.ground = self.shown_by_demo = None

    def expect(self, where, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {getattr(where, 'where', where)}: {what}", flush=True)
        return good

    def blocks(self):
        """The README's blocks that the ground is made of."""
        marks = {"gateway": "# gateway.toml", "source": "event_type =", "verify": "import hashlib"}
        found = {}
        for name, mark in marks.items():
            blocks = [block.text for block in self.documents["README.md"].blocks if mark in block.text]
            if len(blocks) != 1:
                raise NotStarted(f"README.md has {len(blocks)} blocks with `{mark}`, and the suite needs one")
            found[name] = blocks[0]
        return found

    def answer_beside(self, shown):
        """The JSON that stands nearest behind a command under its heading, and whether no other command is nearer to it."""
        document = self.documents.get(shown.file)
        after = [b for b in document.blocks if b.line > shown.line and b.heading == shown.heading] if document else []
        example = next((block for block in after if block.kind == "json"), None)
        between = [b for b in after if example and b.line < example.line and "curl" in b.text]
        try:
            return json.loads(example.text), not between
        except (AttributeError, ValueError):
            # There is none, or it is no JSON, which is told where blocks are judged.
            return None, False

    def read_helps(self):
        """The help of every command and of those below it, by their names."""
        todo = [()]
        while todo:
            path = todo.pop(0)
            ended = self.ground.run(" ".join(["xceed-gateway", *path, "--help"]))
            self.expect(" ".join(path) or "--help", ended.code == 0, f"--help ends with {ended}")
            self.helps[path] = ended.out
            listed = re.search(r"^Commands:\n((?:  .*\n)+)", ended.out, re.MULTILINE)
            names = re.findall(r"^  ([\w-]+)", listed[1], re.MULTILINE) if listed else []
            todo += [(*path, name) for name in names if name != "help"]

    def attempt(self, shown, text):
        """Judges a command that a document shows; what comes out may be too far from what it should be to be judged."""
        self.ran += 1
        try:
            self.judge(shown, text)
        except Exception as error:
            self.expect(shown, False, f"`{text}` can't be judged: {type(error).__name__}: {error}")

    def judge(self, shown, text):
        """Gives a command to the rule that fits. Whoever is root here is so already."""
        text = text.removeprefix("sudo ")
        for pattern, judge, _ in RULES:
            if re.match(pattern, text):
                return judge(self, shown, text)
        return self.expect(shown, False, NO_RULE.format(text))


def whole(text, before):
    """A command whose beginning stands nearby: `… round -- --mode ack`, `SEEDS=644 … --nocapture`, `-- kill --cycles 200`."""
    variables, _, rest = text.partition("…") if "…" in text and not text.startswith("--") else ("", "", text)
    if rest is text and not text.startswith("-- "):
        return text
    word = rest.split(" -- ")[0].strip()
    for earlier in reversed(before):
        own = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", earlier).split(" -- ")[0]
        if own.startswith("cargo ") and (not word or text.startswith("-- ") or own.endswith(f" {word}")):
            after = text if text.startswith("-- ") else f"-- {rest.split('-- ', 1)[1]}"
            return f"{variables}{own} {after}".strip()
    return text


def judge_commands(suite, document):
    before = []
    names = {path[0] for path in suite.helps if path}
    for shown in reading.commands(document, names):
        # `…` in a value stands for something, and is no beginning that is left out.
        text = whole(shown.text, before)
        before.append(text)
        suite.attempt(shown, text)


def judge_blocks(suite, keys, document):
    for block in document.blocks:
        if block.kind == "toml" or reading.is_configuration(block):
            configuration.judge_block(suite, keys, block)
        elif block.kind == "json":
            try:
                json.loads(block.text)
                suite.expect(block, True, "")
            except ValueError as error:
                suite.expect(block, False, f"the block is no JSON: {error}")
        elif block.kind == "python":
            try:
                compile(block.text, block.where, "exec")
                suite.expect(block, True, "")
            except SyntaxError as error:
                suite.expect(block, False, f"the block is no Python: {error}")
        else:
            known = block.kind in reading.SHELL | LANGUAGES | {"indented"}
            suite.expect(block, known, f"nothing knows the language {block.kind}: add it to LANGUAGES, or how to read it")


def judge_links(suite, document):
    """Files and anchors that links name; what is elsewhere is not asked."""
    folder = pathlib.PurePosixPath(document.name).parent
    for line, target in document.links:
        if re.match(r"[a-z]+:", target):
            continue
        where = f"{document.name}:{line}"
        path, _, anchor = urllib.parse.unquote(target).partition("#")
        file = (suite.root / folder / path).resolve() if path else suite.root / document.name
        inside = file.is_relative_to(suite.root) and file.exists()
        if suite.expect(where, inside, f"the link {target} leads nowhere") and anchor and file.suffix == ".md":
            name = str(file.relative_to(suite.root))
            anchors = suite.documents[name].anchors if name in suite.documents else reading.read(suite.root, name).anchors
            suite.expect(where, anchor in anchors, f"no heading of {name} has the anchor #{anchor}")


def judge_paths(suite, document):
    """Files of the repository that code within a line names, from its root or from src/, `<…>` and `*` being anything."""
    for span in document.spans:
        path = re.sub(r"<[^>]*>", "*", span.text).rstrip("/")
        bases = [base for base in (suite.root, suite.root / "src") if (base / path.split("/")[0]).exists()]
        if re.fullmatch(r"[\w.*-]+(?:/[\w.*-]+)+", path) and bases and not path.startswith(EXAMPLE):
            suite.expect(span, any(list(base.glob(path)) for base in bases), f"`{span.text}` is not there")


def judge_calls(suite, document):
    """Calls that code within a line names: the gateway describes them."""
    described = suite.ground.call("GET", "/openapi.json")["paths"]
    known = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, methods in described.items() for method in methods}
    for span in document.spans:
        call = re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)(\?\S+)?", span.text)
        if not call or span.text in ELSEWHERE:
            continue
        fits = [path for method, path in known if method == call[1] and fits_path(path, call[2])]
        suite.expect(span, fits, f"`{span.text}` is no call that the gateway describes; if it is another's, add it to ELSEWHERE")


def fits_path(known, path):
    """Whether a path is a known one, where anything may stand for a name in braces."""
    pattern = "[^/]+".join(re.escape(part) for part in known.split("{}"))
    return re.fullmatch(pattern, path) is not None


def judge_help(suite):
    """Every command shows an example, which is run."""
    for path, text in suite.helps.items():
        if not path:
            continue
        command = " ".join(["xceed-gateway", *path])
        found = re.findall(rf":  ((?:echo \S+ \| )?{command}\b.*)$", text, re.MULTILINE)
        suite.expect(f"{command} --help", found, "shows no example")
        for example in found:
            suite.attempt(reading.Shown(f"{command} --help", 0, example, "help"), example)


def judge_document(suite, keys, document):
    judge_links(suite, document)
    judge_paths(suite, document)
    judge_calls(suite, document)
    judge_blocks(suite, keys, document)
    if keys.is_right:
        configuration.judge_tables(suite, keys, document)
        configuration.judge_text(suite, keys, document)
    judge_commands(suite, document)


def run(suite):
    with Ground(suite.root, suite.binary, suite.blocks()) as suite.ground:
        suite.read_helps()
        keys = configuration.Judge(suite)
        configuration.judge_shown(suite, keys)
        for document in suite.documents.values():
            judge_document(suite, keys, document)
        judge_help(suite)
        print(f"{suite.ran} commands of {len(suite.documents)} documents and of --help, {keys.checked} configurations")
        itself.judge_itself(suite, lambda quiet, document: judge_document(quiet, keys, document))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=pathlib.Path, help="the gateway's program")
    options = parser.parse_args()
    # Ends what it started, also where it is ended itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    suite = Suite(ROOT, options.binary.resolve())
    try:
        run(suite)
    except NotStarted as error:
        suite.expect("the ground", False, error)
    print(f"{suite.passed} passed, {suite.failed} failed")
    sys.exit(0 if suite.failed == 0 and suite.passed else 1)


if __name__ == "__main__":
    main()
