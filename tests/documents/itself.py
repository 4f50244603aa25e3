"""What the suite must find: commands, blocks and links that are wrong, each in another way. One that passes fails the suite."""

import pathlib
import tempfile

import reading

COMMANDS = [
    "xceed-gateway check --conf gateway.toml",
    "xceed-gateway audit exprt --config gateway.toml",
    "xceed-gateway parked repeat p-7",
    "xceed-gateway translate --sauce",
    "xceed-gateway sing --payload payload.xml",
    "XCEED_GATEWAY__TENANTS__FIRST_BANK__POLICY__DEADLINE=450",
    "curl -s http://127.0.0.1:8080/v1/event -H 'Authorization: Bearer KEY' -d '{}'",
    "curl -s http://127.0.0.1:8080/v1/events -H 'Authorization: Bearer KEI'",
    "curl -sN http://127.0.0.1:8080/v1/return-codes -H 'Authorization: Bearer KEY'",
    "openssl rand -hex 16 > data/wrong.key && chmod 600 data/wrong.key",
    "sqlite3 data/gateways.db 'PRAGMA integrity_check_of'",
    "cargo build --profile dust",
    "cargo bench --bench circle",
    "cargo bench --bench round -- --made ack",
    "cargo test --release --test prof",
    "cargo test --release --test proof -- skill --cycles 200",
    "cargo test --release --test proof -- kill --wheels 200",
    "cargo test --release --test tidy no_such_rule",
    "NO_READER_OF_THIS=1 cargo test --release --lib",
    "tests/faults/no_such_report.py",
    "tests/run --slow",
    "pg_dump -Yc",
    "docker build --file deploy/NoSuchFile .",
    "kubectl apply --kustomize deploy/no-such-folder",
    "install -D -m 0644 deploy/no-such-file.toml /etc/xceed-gateway/gateway.toml",
    "systemctl start xceed-gateways",
    "frobnicate --all",
]
DOCUMENT = """# A title
[one](#no-such-title) [two](no-such-file.md) `src/no_such_file.rs` `GET /v1/no-such-call` `store.no_such_key`

| section | keys |
| --- | --- |
| `[server]` | `no_such_key = 1` |
| `[tenants.X.limits]` | `requests_per_second = "many"` |
| `[no_such_section]` | `key = 1` |

```toml
[server]
no_such_key = 1
```

```toml
a =
```

```json
{"a":}
```

```cobol
STOP RUN.
```

- a list

      frobnicate in a list

```sh
frobnicate <<EOF
that goes on
EOF
```
"""
# Of the document: two links, a path, a call, a dotted key, two keys, a section and its key, four blocks, two commands.
FAULTS = 15


class Quiet:
    """The suite, with a tally of its own that nobody is told of."""

    def __init__(self, suite):
        self.__dict__.update(suite.__dict__)
        self.faults, self.kind = [], type(suite)

    def expect(self, where, good, what):
        if not good:
            self.faults.append(f"{getattr(where, 'where', where)}: {str(what)[:200]}")
        return good

    def __getattr__(self, name):
        # What the suite can do, done with this tally.
        return getattr(self.kind, name).__get__(self)


def judge_itself(suite, judge_document):
    """Each of the commands is found wrong, and so is all of the document."""
    for text in COMMANDS:
        quiet = Quiet(suite)
        quiet.attempt(reading.Shown("README.md", 0, text, "span"), text)
        suite.expect("tests/documents/itself.py", quiet.faults, f"`{text}` is not found to be wrong")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "wrong.md").write_text(DOCUMENT)
        document = reading.read(pathlib.Path(folder), "wrong.md")
    quiet = Quiet(suite)
    quiet.documents = {"wrong.md": document}
    judge_document(quiet, document)
    found = "\n  ".join(quiet.faults)
    what = f"{len(quiet.faults)} faults of the document are found, not {FAULTS}:\n  {found}"
    suite.expect("tests/documents/itself.py", len(quiet.faults) == FAULTS, what)
