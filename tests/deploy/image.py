"""The Dockerfile, as far as it can be judged without a container engine."""

import fnmatch
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy/Dockerfile"
# The libraries that the image's base, distroless/cc, has for this processor.
BASE_HAS = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"}


def judge(tally, binary, node_modules):
    lint = [node_modules / ".bin/dockerfile-utils", "lint"]
    ended = subprocess.run([*lint, DOCKERFILE], capture_output=True, text=True, timeout=60)
    tally.expect(ended.returncode == 0, f"Dockerfile: {ended.stdout}{ended.stderr}")
    with tempfile.TemporaryDirectory() as folder:
        broken = pathlib.Path(folder) / "Dockerfile"
        broken.write_text(DOCKERFILE.read_text().replace("HEALTHCHECK --interval", "HEALTHCHECK --intervall"))
        ended = subprocess.run([*lint, broken], capture_output=True, text=True, timeout=60)
        tally.expect(ended.returncode != 0, "the linter finds a fault that is put there")
    steps = instructions(DOCKERFILE.read_text())
    context(tally, steps)
    last = [words for name, words in steps if name == "FROM"][-1]
    tally.expect("distroless" in last and last.endswith(":nonroot"), f"the image is made of {last}")
    user = [words for name, words in steps if name == "USER"][-1]
    tally.expect(user == "65532:65532", f"it runs as {user}")
    probe = next(words for name, words in steps if name == "HEALTHCHECK")
    command = json.loads(probe.split("CMD", 1)[1])
    # Nothing serves there, so it says so: the command is one.
    ended = subprocess.run([binary, *command[1:]], capture_output=True, text=True, timeout=60)
    tally.expect(ended.returncode == 1 and "can't be reached" in ended.stderr, f"{command}: {ended.stderr}")
    entry = next(words for name, words in steps if name == "ENTRYPOINT")
    tally.expect(json.loads(entry) == ["/usr/bin/xceed-gateway"] == command[:1], f"it starts {entry}")
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=60).stdout
    needed = {name for name in re.findall(r"^\s+(\S+) =>", linked, re.MULTILINE)}
    tally.expect(needed and needed <= BASE_HAS, f"the program links to {needed - BASE_HAS}, which the image does not have")


def instructions(text):
    """(name, the rest) of each instruction, lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines()]


def context(tally, steps):
    """What the build stage copies is what the build reads, and the ignore file lets it in."""
    copied = [words.split()[:-1] for name, words in steps if name == "COPY" and "--from" not in words]
    sources = [source for group in copied for source in group]
    for source in sources:
        tally.expect((ROOT / source).exists(), f"Dockerfile copies {source}, which is not there")
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    tally.expect(admitted == set(sources), f"copied and let in: {admitted ^ set(sources)} differ")
    tally.expect("*" in ignored, "everything else stays outside")
    # A copied source that includes a file by its path includes one that is copied too.
    for file in (ROOT / "src").rglob("*.rs"):
        # Tests are not built there.
        if file.name == "tests.rs" or "tests" in file.parts[len(ROOT.parts):]:
            continue
        for path in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', file.read_text()):
            included = (file.parent / path).resolve().relative_to(ROOT)
            inside = any(fnmatch.fnmatch(str(included), pattern) for s in sources for pattern in (s, f"{s}/*"))
            tally.expect(inside, f"{file.name} includes {included}, which the image's build does not see")
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            target = pathlib.Path(folder) / source
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target)
            else:
                shutil.copy(ROOT / source, target)
        read = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
        ended = subprocess.run(read, cwd=folder, capture_output=True, text=True, timeout=120)
        tally.expect(ended.returncode == 0, f"cargo does not read what is copied: {ended.stderr}")
