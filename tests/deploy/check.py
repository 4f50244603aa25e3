#!/usr/bin/python3
"""Holds what deploy/ runs the gateway with against the schemas of those who read it, and against the gateway.

No container engine is needed, so the image is not built here. What can be shown without one is: the Dockerfile has no fault
that its linter knows, what it copies is all that the build reads, and the program links to no more than its base has; the
Compose file and the manifests are valid; the configurations in them start a real gateway, which answers its probes, takes an
event in and ends in order; and the systemd unit lets it do all that it does.

  python check.py --binary target/release/xceed-gateway --node-modules FOLDER   (with the packages that tests/run installs)

A PostgreSQL is looked for in XCEED_GATEWAY_TEST_POSTGRES; without one what needs it fails.
"""

import argparse
import pathlib
import sys
import traceback

import image
import manifests
import running
import unit

# Beside running.py's own, which shows where it is.
from tally import Tally


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--node-modules", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    binary, tally = arguments.binary.resolve(), Tally()
    parts = [
        lambda: image.judge(tally, binary, arguments.node_modules),
        lambda: manifests.judge(tally),
        lambda: unit.judge(tally, binary),
        lambda: running.compose(tally, binary),
        lambda: running.kubernetes(tally, binary),
        lambda: running.systemd(tally, binary),
    ]
    for part in parts:
        try:
            part()
        except Exception:  # noqa: BLE001 - one part that breaks down is one failure, and the others are judged all the same
            tally.expect(False, traceback.format_exc())
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(0 if tally.failed == 0 and tally.passed else 1)


if __name__ == "__main__":
    main()
