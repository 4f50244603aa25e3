"""Judges commands that would build or test for minutes as far as they can be judged: what they name must be there.

That is the package's profiles, targets, tests and proofs, the options that a harness knows, and programs below tests/.
"""

import re
import subprocess
import tomllib

# Options of cargo itself, and whether a value follows.
CARGO = {
    "--release": False, "--locked": False, "--all-targets": False, "--lib": False, "--doc": False, "--offline": False,
    "--check": False, "--no-run": False, "--profile": True, "--test": True, "--bench": True, "--bin": True, "--features": True,
}  # fmt: skip
# What the standard test harness knows.
HARNESS = {"--nocapture", "--ignored", "--include-ignored", "--skip", "--exact", "--test-threads", "--list", "--help"}
VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=\S*$")


class Targets:
    """What the package has to be built, run and measured."""

    def __init__(self, root):
        self.root = root
        self.manifest = tomllib.loads((root / "Cargo.toml").read_text())
        self.profiles = {"dev", "release", "test", "bench", *self.manifest.get("profile", {})}
        self.tests = {test["name"]: test for test in self.manifest.get("test", [])}
        for path in (root / "tests").iterdir():
            if path.suffix == ".rs" or (path / "main.rs").is_file():
                self.tests.setdefault(path.stem, {})
        self.benches = {bench["name"] for bench in self.manifest.get("bench", [])}

    def sources(self, *places):
        """The Rust below some places, as one text."""
        files = []
        for place in places:
            path = self.root / place
            files += sorted(path.rglob("*.rs")) if path.is_dir() else [path] if path.is_file() else []
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    def usage(self, kind, name):
        """What a harness of our own says of its options."""
        text = self.sources(f"tests/{name}/main.rs") if kind == "test" else self.sources(f"benches/{name}.rs")
        found = re.search(r'const USAGE: &str = "(.*?)";', text, re.DOTALL)
        return found[1] if found else ""

    def faults(self, words):
        """All that is wrong with a cargo command, whose words may begin with variables."""
        faults = []
        while words and (variable := VARIABLE.match(words[0])):
            if f'"{variable[1]}"' not in self.sources("tests", "src", "benches"):
                faults.append(f"nothing here reads the variable {variable[1]}")
            words = words[1:]
        own, _, after = " ".join(words).partition(" -- ")
        words, after = own.split()[1:], after.split()
        command, chosen, filters, at = words[0], [], [], 1
        while at < len(words):
            word, at = words[at], at + 1
            if word.startswith("-") and word not in CARGO:
                faults.append(f"cargo's option {word} is not in CARGO of tests/documents/targets.py; add it if cargo has it")
            elif CARGO.get(word):
                chosen.append((word, words[at] if at < len(words) else ""))
                at += 1
            elif word == "--lib":
                chosen.append((word, ""))
            elif not word.startswith("-"):
                filters.append(word)
        for option, name in chosen:
            faults += self.target_faults(option, name, filters, after)
        if command not in ("build", "test", "bench", "fmt", "clippy", "run"):
            faults.append(f"cargo {command} is not judged; give it a rule in tests/documents/check.py")
        return faults

    def target_faults(self, option, name, filters, after):
        if option == "--profile":
            return [] if name in self.profiles else [f"Cargo.toml has no profile {name}"]
        if option == "--lib":
            places, ours = ("src",), False
        elif option == "--test":
            if name not in self.tests:
                return [f"there is no test target {name}: neither tests/{name} nor in Cargo.toml"]
            places, ours = (f"tests/{name}", f"tests/{name}.rs"), self.tests[name].get("harness") is False
        elif option == "--bench":
            if name not in self.benches or not (self.root / f"benches/{name}.rs").is_file():
                return [f"there is no benchmark {name} in Cargo.toml and benches/"]
            places, ours = (), True
        else:
            return []
        if not ours:
            text = self.sources(*places)
            wanted = [word for word in [*filters, *after] if not word.startswith("-")]
            found = [f"no test of {name or 'the library'} has {word} in its name" for word in wanted if not named(text, word)]
            return found + [f"no test harness knows {w}" for w in after if w.startswith("-") and w not in HARNESS]
        return self.own_faults(option.strip("-"), name, after)

    def own_faults(self, kind, name, after):
        """Of a harness of our own: what it does not list."""
        usage, faults = self.usage(kind, name), []
        # Asked for its usage, and all that it does is said there.
        words = [word for word in after if word != "--help"]
        listed = set(re.findall(r'name: "([\w-]+)"', self.sources(f"tests/{name}/main.rs", f"tests/{name}/targets.rs")))
        if kind == "test" and words and not words[0].startswith("-"):
            if words[0] not in listed or name == "proof" and not re.search(rf"^{re.escape(words[0])}\b", usage, re.MULTILINE):
                faults.append(f"{name} lists no {words[0]}")
        for word in words:
            if word.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", usage):
                faults.append(f"the usage of {name} does not know {word}")
        return faults


def named(text, word):
    """Whether a test, or a module of tests, has the word in its name, as the harness would find it."""
    names = re.findall(r"(?:fn|mod) (\w+)", text)
    return all(any(part in name for name in names) for part in word.split("::") if part)


def script_faults(root, text):
    """Of a program of this repository: that it is there, may be started, and can be read by what runs it."""
    name, *options = text.split()
    path = root / name
    if not path.is_file():
        return [f"{name} is not there"]
    content = path.read_text()
    faults = [f"{name} does not know {option}" for option in options if option.startswith("-") and option not in content]
    first = content.splitlines()[0]
    if path.suffix == ".py":
        try:
            compile(content, name, "exec")
        except SyntaxError as error:
            faults.append(str(error))
    elif "bash" in first:
        read = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        faults += [read.stderr] if read.returncode else []
    if not path.suffix == ".mjs" and not path.stat().st_mode & 0o100:
        faults.append(f"{name} can't be started: chmod +x")
    return faults
