"""Judges commands that put the gateway on a machine: into a container, a cluster, a service. Files are copied for real, into a
folder that stands for the machine's root; for the rest, what a command names must be there.
"""

import pathlib
import re
import shlex
import tomllib

# What every machine has.
ROOTS = ("etc/systemd/system", "usr/bin", "usr/local/bin", "usr/share", "usr/lib/systemd/system", "var/lib", "opt", "srv")
FILE = re.compile(r"[\w.-]+\.(?:ya?ml|toml|service|json|sh|env)")


def files_there(suite, shown, text):
    """The files of this repository that a command names, from its root or from the document's folder, are there."""
    folder = suite.root / pathlib.Path(shown.file).parent
    tops = {path.name for path in suite.root.iterdir()} - {"target"}
    faults = []
    for word in re.split(r"[\s=]+", text):
        word = word.strip("'\"").removeprefix("./")
        is_path = "/" in word and word.split("/")[0] in tops and not re.search(r"[<$]", word)
        if (is_path or FILE.fullmatch(word)) and not ((suite.root / word).exists() or (folder / word).exists()):
            faults.append(f"{word} is not there")
    suite.expect(shown, not faults, f"`{text}`: {'; '.join(faults)}")


def kustomize(suite, shown, text):
    """The folder that is applied lists its parts, and has them."""
    files_there(suite, shown, text)
    found = re.search(r"(?:--kustomize|-k)[ =](\S+)", text)
    if not found:
        return
    file = suite.root / found[1] / "kustomization.yaml"
    if suite.expect(shown, file.is_file(), f"{found[1]} has no kustomization.yaml"):
        for name in re.findall(r"^\s*- (\S+\.yaml)$", file.read_text(), re.MULTILINE):
            suite.expect(shown, (file.parent / name).exists(), f"{found[1]}/kustomization.yaml names {name}, which is not there")


def container(suite, shown, text):
    """What the image would run is the binary that is given."""
    found = re.search(r"\bxceed-gateway(?::\S+)? ([a-z].*)$", text)
    if found:
        suite.judge(shown, f"xceed-gateway {found[1]}")
    else:
        files_there(suite, shown, text)


def staged(suite, shown, text):
    """Copies into a folder in the place of `/`, out of the repository; what is built or the reader's own is made up."""
    stage, words = suite.ground.folder / "stage", shlex.split(text)
    for name in ROOTS:
        (stage / name).mkdir(parents=True, exist_ok=True)
    for at, word in enumerate(words):
        if at == 0 or word.startswith("-"):
            continue
        if word.startswith("/"):
            words[at] = f"{stage}{word}"
        elif (suite.root / word).exists():
            words[at] = str(suite.root / word)
        elif word.startswith("target/") or re.fullmatch(r"[a-z][\w.-]*", word):
            words[at] = str(suite.ground.write(word, "made up\n"))
    ended = suite.ground.run(shlex.join(words))
    suite.expect(shown, ended.code == 0, f"`{text}` ends with {ended}")


def service(suite, shown, text):
    """The unit is ours, knows how to do what is asked, and finds on the machine what it starts and reads."""
    for name in re.findall(r"\b(xceed-gateway\S*?)(?:\.service)?(?=[\s;&]|$)", text):
        unit = suite.root / f"deploy/systemd/{name}.service"
        if not suite.expect(shown, unit.is_file(), f"deploy/systemd has no {name}.service"):
            continue
        content = unit.read_text()
        suite.expect(shown, "reload " not in text or "ExecReload=" in content, f"{name}.service can't be reloaded")
        stage = suite.ground.folder / "stage"
        if not (stage / f"etc/systemd/system/{name}.service").is_file():
            continue
        wanted = set()
        for line in re.findall(r"^(?:ExecStart|ExecStartPre|LoadCredential)=(.*)$", content, re.MULTILINE):
            wanted.update(re.findall(r"(?:^|[\s:=])(/(?:usr|etc|opt)/[^\s:]+)", line))
        for path in [path for path in wanted if path.endswith(".toml") and pathlib.Path(f"{stage}{path}").is_file()]:
            folder = tomllib.loads(pathlib.Path(f"{stage}{path}").read_text())["schemas"]["dir"]
            wanted.add(f"{folder}/api/operations.toml")
        for path in sorted(wanted):
            there = pathlib.Path(f"{stage}{path}").exists()
            suite.expect(shown, there, f"{name}.service needs {path}, which the commands before do not put there")
