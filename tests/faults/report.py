#!/usr/bin/python3
"""The table of all cases with the verdicts of the last `tests/run`, in Markdown.

    tests/faults/report.py [LOGS]      LOGS: the folder of the suites' logs, target/tests-run unless it is given

Ends with 1 where a case is broken or was not run. Cases that are open are told, and break nothing.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The suite that a name is looked up in, where it is not the gateway's own.
SUITES = {"cli": "cli", "lib": "lib-xceed_gateway", "tidy": "tidy", "proof": "proof", "fuzz": "fuzz"}


def log(logs, suite):
    file = logs / f"{suite}.log"
    return file.read_text(errors="replace") if file.exists() else None


def verdict(logs, name):
    """held, FAILED or not run."""
    if name == "simulation":
        text = log(logs, "simulation")
        # Of several simulations all must hold.
        found = re.search(r"^test result: (\w+)", text or "", re.M)
        return "not run" if not found else "held" if found[1] == "ok" else "FAILED"
    kind, _, rest = name.partition(" ")
    suite, wanted = (SUITES[kind], rest) if rest else ("gateway", name)
    text = log(logs, suite)
    if text is None:
        return "not run"
    if suite == "proof":
        parts = re.split(rf"^{re.escape(wanted)}: seed ", text, flags=re.M)
        if len(parts) < 2:
            return "not run"
        return "held" if re.search(r"\| verdict \| (held|skipped)", parts[1].split(": seed ")[0]) else "FAILED"
    if suite == "fuzz":
        found = re.search(rf"^{re.escape(wanted)}: (.*)$", text, re.M)
        return "not run" if not found else "held" if "0 findings" in found[1] else "FAILED"
    found = re.search(rf"^test {re.escape(wanted)} \.\.\. (\w+)", text, re.M)
    return "not run" if not found else "held" if found[1] == "ok" else "FAILED"


def main():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    logs = Path(sys.argv[1]) if len(sys.argv) > 1 else target / "tests-run"
    held = broken = opened = 0
    print("| case | what | verdict | stores |\n| --- | --- | --- | --- |")
    for line in (ROOT / "tests/faults/cases.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 4 or not re.fullmatch(r"[A-Z]\d*", cells[0]):
            continue
        names = re.findall(r"`([^`]+)`", cells[2])
        verdicts = {name: verdict(logs, name) for name in names}
        wrong = [f"{name}: {said}" for name, said in verdicts.items() if said != "held"]
        if not names:
            opened, said = opened + 1, "open"
        elif wrong:
            broken, said = broken + 1, "; ".join(wrong)
        else:
            held, said = held + 1, "held"
        print(f"| {cells[0]} | {cells[1]} | {said} | {cells[3]} |")
    print(f"\n{held} held, {broken} broken or not run, {opened} open")
    return 1 if broken else 0


sys.exit(main())
