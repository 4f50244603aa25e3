"""Finds what the documents show: commands, configuration, answers, links, headings. It runs and judges nothing.

A command stands in an indented block, in a fenced one (sh, bash, console), or in code within a line; there it is known by
the program that it begins with, or by a command of the gateway, whose name the documents leave out (`audit verify`).
"""

import dataclasses
import re
import subprocess

SHELL = {"sh", "bash", "shell", "console"}
# What a command within a line begins with; a single word is a name and no command.
PROGRAMS = (
    "xceed-gateway", "cargo", "tests/run", "sqlite3", "openssl", "curl", "python3", "docker", "kubectl", "helm", "systemctl",
    "pg_dump", "promtool", "sudo", "apt-get", "git", "npm", "node",
)  # fmt: skip
SCRIPT = re.compile(r"tests/(?:run|[\w/-]+\.(?:py|mjs))$")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*=\S*")
# Drawn, not written.
DRAWING = re.compile("[▶◀▲▼│─└├]")


@dataclasses.dataclass
class Shown:
    """What a document shows at a line: a command, or a block with its language, and the heading it stands under."""

    file: str
    line: int
    text: str
    kind: str
    heading: str = ""
    comment: str = ""

    @property
    def where(self):
        return f"{self.file}:{self.line}"


@dataclasses.dataclass
class Document:
    """One document in its parts."""

    name: str
    blocks: list = dataclasses.field(default_factory=list)
    spans: list = dataclasses.field(default_factory=list)
    links: list = dataclasses.field(default_factory=list)
    anchors: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)


def documents(root):
    """Every document but the fixtures': those that git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = listed.stdout.split("\0") if listed.returncode == 0 else map(str, walked(root))
    return sorted(name for name in found if name and not name.startswith("fixtures/") and (root / name).is_file())


def walked(root):
    """Without git: all that is no build output."""
    for path in root.rglob("*.md"):
        name = path.relative_to(root)
        if not {"target", "node_modules", ".git"} & set(name.parts):
            yield name


def read(root, name):
    """A document in its parts."""
    document = Document(name)
    heading, prose, fence, block, item = "", [], None, None, 0
    lines = (root / name).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, "# "], 1):
        mark = re.match(r"\s*(```+|~~~+)\s*([\w-]*)", line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2]:
                document.blocks.append(block)
                fence = block = None
            else:
                block.text += line.removeprefix(" " * block.indent) + "\n"
            continue
        depth = len(line) - len(line.lstrip(" "))
        is_code = depth >= item + 4 and (block or not prose)
        if block and line.strip() and not is_code:
            document.blocks.append(block)
            block = None
        if mark:
            flush(document, prose, heading)
            fence, block = mark[1], Shown(name, number + 1, "", mark[2] or "text", heading)
            block.indent = depth
        elif is_code and line.strip():
            block = block or Shown(name, number, "", "indented", heading)
            block.text += "\n" * (number - block.line - block.text.count("\n")) + line[item + 4 :] + "\n"
        elif title := re.match(r"(#{1,6})\s+(.*)", line + " "):
            flush(document, prose, heading)
            heading, item = title[2].strip(), 0
            document.anchors.append(slug(heading, document.anchors))
        elif not line.strip():
            flush(document, prose, heading)
        else:
            marker = re.match(r"\s*(?:[-*+]|\d+[.)])\s+", line)
            item = len(marker[0]) if marker else item if depth else 0
            prose.append((number, line))
    return document


def flush(document, prose, heading):
    """Takes the code, the links and the rows out of the lines of prose that end here."""
    text, starts = "", []
    for number, line in prose:
        starts.append((len(text), number))
        text += line + "\n"
        if line.startswith("|"):
            document.rows.append((number, heading, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]))
    prose.clear()

    def line_of(at):
        return max(number for start, number in starts if start <= at)

    plain = text
    for code in re.finditer(r"(`+)(.+?)\1(?!`)", text, re.DOTALL):
        inside = " ".join(code[2].split()).replace("\\|", "|")
        document.spans.append(Shown(document.name, line_of(code.start()), inside, "span", heading))
        plain = plain[: code.start()] + " " * len(code[0]) + plain[code.end() :]
    for link in re.finditer(r"\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)", plain, re.MULTILINE):
        document.links.append((line_of(link.start()), link[1] or link[2]))


def slug(heading, taken):
    """The anchor of a heading, as GitHub makes it."""
    text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    base = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
    same = sum(1 for anchor in taken if re.fullmatch(re.escape(base) + r"(-\d+)?", anchor))
    return f"{base}-{same}" if same else base


def is_configuration(block):
    """An indented block that is TOML: it begins with a table's name or with a key."""
    return block.kind == "indented" and re.match(r"\s*(\[[\w.\[\]-]+\]|[\w.-]+ = )", block.text)


def commands(document, names):
    """The commands of a document, in its order; `names` are the gateway's own commands."""
    found = []
    for block in document.blocks:
        is_shell = block.kind in SHELL or block.kind == "indented" and not is_configuration(block)
        if is_shell and not DRAWING.search(block.text):
            found += in_block(block)
    for span in document.spans:
        found += (dataclasses.replace(span, text=text) for text in in_span(span.text, names))
    return sorted(found, key=lambda shown: shown.line)


def in_block(block):
    """A block's commands: one for each line, unless a quote, a backslash or a here-document goes on."""
    text, start, ends = "", 0, None
    for offset, line in enumerate(block.text.splitlines()):
        if not text:
            line, start = re.sub(r"^\$ ", "", line), offset
        text += line + "\n"
        here = re.search(r"<<-?\s*['\"]?(\w+)", line)
        ends = here[1] if here and not ends else ends
        if ends and line.strip() != ends:
            continue
        code, comment, is_open = scan(text)
        if is_open and not ends:
            continue
        if code.strip():
            yield Shown(block.file, block.line + start, code.strip(), block.kind, block.heading, comment)
        text, ends = "", None
    if text.strip():
        yield Shown(block.file, block.line + start, text.strip(), block.kind, block.heading, "")


def scan(text):
    """A shell text without its comments, the last comment, and whether a quote or a line is still open."""
    code, comment, quote, at = "", "", "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and quote != "'":
            code += text[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == "#" and (not code or code[-1].isspace()):
            end = text.find("\n", at)
            comment, at = text[at + 1 : end].strip(), end
            continue
        code += sign
        at += 1
    return code, comment, bool(quote) or code.rstrip(" \n").endswith("\\")


def in_span(text, names):
    """The commands that code within a line is; `parked held|resume` is two."""
    words = text.split()
    while words and VARIABLE.fullmatch(words[0]):
        words = words[1:]
    if text.startswith("XCEED_GATEWAY__") and "=" in text and not words:
        return [text]
    if not words or text.startswith("…/"):
        return []
    first, is_own = words[0], len(words) > 1 and words[0] in names and "=" not in words
    is_program = len(words) > 1 and first in PROGRAMS or SCRIPT.fullmatch(first)
    # What goes before is said nearby: `… round -- --mode ack`, `-- kill --cycles 200`.
    is_rest = first == "…" or first == "--" and len(words) > 1
    if not (is_program or is_own or is_rest):
        return []
    if is_own:
        text = f"xceed-gateway {text}"
    either = re.search(r"(?<= )([\w-]+)((?:\|[\w-]+)+)", text)
    if not either:
        return [text]
    choices = (either[1] + either[2]).split("|")
    return [text[: either.start()] + choice + text[either.end() :] for choice in choices]
