"""Holds the keys of the configuration that the documents and deploy/gateway.toml name against `xceed-gateway check`.

A key that the gateway does not know is refused, which is shown first for every section; so what is taken is known. Each key is
set in a copy of deploy/gateway.toml, alone or with those that it needs, and to the value that is shown where there is one.
"""

import copy
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))

from gateway import in_toml  # noqa: E402

SHOWN = "deploy/gateway.toml"
# Which keys of a section that is off unless it is there go together, and what some of them are then.
GROUPS = {
    "tenants.first-bank.cxone": [
        (("push", "api_url", "token_url", "grant", "client_id", "client_secret", "scope", "path", "version", "timeout"), {}),
        (("api_url", "token_url", "client_id", "client_secret", "push"), {"push": "signal"}),
        (("issuer", "tenant_id", "client_id", "client_secret"), {}),
        (("api_url", "token_url", "grant", "access_key_id", "access_key_secret"), {"grant": "access_key"}),
        (
            ("api_url", "token_url", "grant", "client_id", "client_secret", "access_key_id", "access_key_secret"),
            {"grant": "password"},
        ),
    ],
    "tenants.first-bank.genesys": [
        (("api_url", "token_url", "client_id", "client_secret", "path", "conversation_path", "timeout"), {}),
    ],
    "tenants.first-bank.webhooks": [(("name", "url", "secret", "secret_previous", "timeout"), {})],
    "tenants.first-bank.sources.my-ivr": [(("file",), {})],
}
# What can't be taken as it is shown, because another key says otherwise: those that go with it.
TOGETHER = {
    ("store", "encryption_key_old"): {"store.encryption_key": {"file": "data/store.key"}},
    ("tenants.first-bank.xceed", "callback_id"): {"server.public_url": "https://gateway.example"},
}
# Members of an inline table that is shown by their names alone: `tls = { cert, key, client_ca }`.
MEMBERS = {
    "cert": "tls.crt", "key": "tls.key", "ca": "ca.pem", "client_ca": "ca.pem", "file": "data/audit.key",
    "event_type": "WireTransfer", "over": 100000, "policy": "closed", "name": "ops", "hash": "sha256:…",
    "url": "http://127.0.0.1:4318/v1/traces", "share": 0.01,
}  # fmt: skip
# Keys that are named without a value, and stand in deploy/gateway.toml with none.
VALUES = {}
# Words in a table of keys that are none, and what they are.
NO_KEYS = {("audit", "data"): "a folder"}
# What ends a file's name and no section's: `audit.key`, `batch.rs`.
FILES = {"key", "rs", "toml", "db", "checkpoints"}
# The first names of dotted keys in the text: what a tenant has is named without the tenant.
TENANTS = ("xceed", "policy", "limits", "batch", "sources", "cxone", "genesys", "webhooks")


def furnish(ground):
    """The files that keys name: certificates, secrets, keys of a store."""
    made = ground.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=gateway.example"
        " -addext subjectAltName=DNS:gateway.example -keyout tls.key -out tls.crt && cp tls.crt ca.pem && chmod 600 tls.key"
        " && openssl rand -hex 32 > data/store.key && openssl rand -hex 32 > data/store-old.key && chmod 600 data/*.key"
    )
    assert made.code == 0, made


def real(value):
    """A value with what is there in the place of `…` and of files elsewhere."""
    if isinstance(value, dict):
        return {name: real(one) for name, one in value.items()}
    if isinstance(value, list):
        return [real(one) for one in value]
    if not isinstance(value, str):
        return value
    if value.startswith("sha256:"):
        return "sha256:" + ("0" * 64)
    if value.endswith((".crt", ".pem")):
        return "ca.pem" if "ca" in value.rsplit("/")[-1] else "tls.crt"
    if value.startswith("/run/secrets/"):
        return "tls.key" if value.endswith((".key")) else "secret.key"
    return value.replace("https://…", "https://service.example").replace("sqlite:…", "sqlite:data/gateway.db").replace(
        "postgres://…", "postgres://gateway@db.example/gateway").replace("…", "some")  # fmt: skip


class Keys:
    """The keys that deploy/gateway.toml shows: (section, key) to (value, line, whether it is commented)."""

    def __init__(self, text):
        self.shown, section = {}, ""
        for number, line in enumerate(text.splitlines(), 1):
            commented = line.startswith("# ")
            bare = line.removeprefix("# ")
            if table := re.match(r"\[\[?([\w.-]+)\]\]?\s*$", bare):
                section = table[1]
                # Named, even where it has no key.
                self.shown.setdefault((section, ""), (None, number, commented))
            elif re.match(r"[a-z_]+ = ", bare):
                name = bare.split(" = ")[0]
                try:
                    value = tomllib.loads(bare)[name]
                except tomllib.TOMLDecodeError:
                    # It goes on in the next lines, as the file itself does.
                    value = None
                if commented or (section, name) not in self.shown:
                    self.shown[section, name] = (value, number, commented)

    def sections(self):
        return {section for section, _ in self.shown}


class Judge:
    """Sets keys in a copy of deploy/gateway.toml, and asks `xceed-gateway check` of it."""

    def __init__(self, suite):
        self.suite, self.ground = suite, suite.ground
        furnish(self.ground)
        text = (suite.root / SHOWN).read_text()
        self.keys = Keys(text)
        # As it is in the repository, but for where its own files are.
        self.base = tomllib.loads(text)
        self.environment = {name: "0123456789abcdef" for name in re.findall(r'env = "(\w+)"', text)}
        self.checked = 0
        self.is_right = self.check(self.base) is None

    def check(self, table):
        """What `check` says of a configuration: nothing where it is right."""
        self.checked += 1
        text = "\n".join(f"{name} = {in_toml(value)}" for name, value in table.items())
        self.ground.write("asked.toml", text)
        ended = self.ground.run("xceed-gateway check --config asked.toml", environment=self.environment)
        return None if ended.code == 0 else f"{ended}"

    def with_keys(self, section, values, base=None):
        """The copy with some keys of a section set."""
        table = copy.deepcopy(self.base) if base is None else base
        *path, last = section.split(".")
        below = table
        for name in path:
            below = below.setdefault(name, {})
        if last == "webhooks":
            below[last] = [values]
            return table
        here = below.setdefault(last, {})
        for name, value in values.items():
            here[name] = value
        return table

    def value(self, section, key):
        """What deploy/gateway.toml shows for a key, as it can be taken here."""
        value = self.keys.shown.get((section, key), (None,))[0]
        return real(value) if value is not None else VALUES.get((section, key))

    def group(self, section, group):
        """The values of keys that go together, as far as they are shown."""
        values = {name: self.value(section, name) for name in group[0]}
        return {name: value for name, value in values.items() if value is not None} | group[1]

    def fault(self, section, key, value):
        """Why a key can't be set to a value; nothing where it can."""
        values = {key: real(value)}
        group = next((group for group in GROUPS.get(section, []) if key in group[0]), None)
        if group:
            values = self.group(section, group) | values
        elif section in GROUPS:
            return f"GROUPS of tests/documents/configuration.py does not say what {key} goes with"
        table = self.with_keys(section, values)
        for other, needed in TOGETHER.get((section, key), {}).items():
            there, _, name = other.rpartition(".")
            self.with_keys(there, {name: needed}, table)
        return self.check(table)

    def unknown(self, section):
        """Whether a key that nobody knows is refused there, so that what is taken is known."""
        values = self.group(section, GROUPS[section][0]) if section in GROUPS else {}
        told = self.check(self.with_keys(section, values | {"no_such_key": 1}))
        return told and "no_such_key" in told


def judge_shown(suite, judge):
    """deploy/gateway.toml: as it stands, and with each key that it has commented."""
    told = judge.check(judge.base)
    if not suite.expect(SHOWN, told is None, f"as it stands it is refused, so no other key is looked at: {told}"):
        return
    for section in sorted(judge.keys.sections() - {"tenants.first-bank"}):
        suite.expect(SHOWN, judge.unknown(section), f"[{section}] takes a key that nobody knows")
    for (section, key), (value, line, commented) in judge.keys.shown.items():
        if not commented or not key:
            continue
        where = f"{SHOWN}:{line}"
        if suite.expect(where, value is not None, f"`{key}` is no TOML once it is uncommented"):
            told = judge.fault(section, key, value)
            suite.expect(where, told is None, f"`{key}` of [{section}] is refused once it is uncommented: {told}")
    for section, groups in GROUPS.items():
        for names, others in groups:
            absent = [name for name in names if judge.value(section, name) is None]
            suite.expect(SHOWN, not absent, f"[{section}] shows no {absent}, which GROUPS of configuration.py names")
            told = judge.check(judge.with_keys(section, judge.group(section, (names, others))))
            suite.expect(SHOWN, told is None, f"[{section}] with {', '.join(names)} is refused: {told}")


def section_of(name):
    """A section's name with ours in the place of X and NAME."""
    name = name.strip("[]").replace(".X", ".first-bank").replace(".NAME", ".my-ivr")
    return f"tenants.first-bank.{name}" if name.split(".")[0] in TENANTS else name


def judge_tables(suite, judge, document):
    """The tables of keys: each row names a section, and its keys with their defaults."""
    header = []
    for number, _, cells in document.rows:
        where = f"{document.name}:{number}"
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            continue
        codes = [re.findall(r"`([^`]+)`", cell) for cell in cells]
        sections = [section_of(code) for code in codes[0] if re.fullmatch(r"\[{1,2}[\w.-]+\]{1,2}", code)]
        if not codes[0] or not sections and not re.fullmatch(r"`[a-z]+\.[a-z_]+`", header[0] if header else ""):
            header = cells
            continue
        if not sections:
            section, key = header[0].strip("`").split(".")
            for word in codes[0]:
                told = judge.fault(section_of(section), key, [word])
                suite.expect(where, told is None, f'`{key} = ["{word}"]` of [{section}] is refused: {told}')
            continue
        for section in sections:
            suite.expect(where, section in judge.keys.sections(), f"{SHOWN} does not show [{section}]")
        if len(sections) == 1:
            judge_row(suite, judge, where, sections[0], codes[1], "keys" in header[1])


def judge_row(suite, judge, where, section, codes, are_keys):
    """The keys of one section. Where the table is not one of keys, only those with a value are some."""
    for code in codes:
        name, has_value, text = code.partition(" = ")
        if not re.fullmatch(r"[a-z_]+", name) or not has_value and (not are_keys or (section, name) in NO_KEYS):
            continue
        value = shown_value(text) if has_value else judge.value(section, name)
        if value is None and has_value:
            value = judge.value(section, name)
        what = f"tests/documents/configuration.py: VALUES or NO_KEYS should say what `{name}` of [{section}] is"
        if suite.expect(where, value is not None, what):
            told = judge.fault(section, name, value)
            suite.expect(where, told is None, f"`{code}` of [{section}] is refused: {told}")


def shown_value(text):
    """A value as it is written; members that are only named get values."""
    def give(braces):
        members = [member.strip() for member in braces[1].split(",")]
        given = (f"{member} = {in_toml(MEMBERS[member])}" if member in MEMBERS else member for member in members)
        return "{ " + ", ".join(given) + " }"

    try:
        return tomllib.loads(f"v = {re.sub(r'{([^{}]+)}', give, text)}")["v"]
    except tomllib.TOMLDecodeError:
        return None


def judge_text(suite, judge, document):
    """Keys that the text names with their section: `store.retention`, `[console] operators`."""
    for span in document.spans:
        found = re.fullmatch(r"(?:\[([a-z.X]+)\] ([a-z_]+)|([a-z]+|tenants\.X\.[a-z]+)\.([a-z_]+))(?: = (.*))?", span.text)
        if not found:
            continue
        section, key = section_of(found[1] or found[3]), found[2] or found[4]
        if section not in judge.keys.sections() or not found[2] and key in FILES:
            continue
        value = shown_value(found[5]) if found[5] else judge.value(section, key)
        told = judge.fault(section, key, value) if value is not None else f"{SHOWN} does not show it"
        suite.expect(span.where, told is None, f"`{span.text}` is refused: {told}")


def judge_block(suite, judge, block):
    """A block of TOML: it can be read, and `check` takes it where it is of the gateway's configuration."""
    try:
        table = tomllib.loads(block.text)
    except tomllib.TOMLDecodeError as error:
        suite.expect(block, False, f"the block is no TOML: {error}")
        return
    suite.expect(block, True, "")
    if "tenants" in table:
        # A whole one: it has to do without deploy/gateway.toml.
        told = judge.check(real(table))
    elif set(table) <= {section.split(".")[0] for section in judge.keys.sections()}:
        merged = copy.deepcopy(judge.base)
        for section, values in real(table).items():
            merged[section] = merged.get(section, {}) | values
        told = judge.check(merged)
    elif set(table) == {"api_keys"}:
        keys = real(table["api_keys"])
        for number, key in enumerate(keys):
            key["hash"] = f"sha256:{number:064}"
        told = judge.check(judge.with_keys("tenants.first-bank", {"api_keys": keys}))
    else:
        # A source of one's own; the ground's gateway has it, and would not have started without its samples' approval.
        unknown = "nothing knows what it is; tell judge_block of tests/documents/configuration.py"
        told = None if "fields" in table else unknown
    suite.expect(block, told is None, f"the block is refused: {told}")
