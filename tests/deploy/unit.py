"""The systemd unit, as systemd's own tools judge it offline."""

import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy/systemd/xceed-gateway.service"
# Of 100; below 20 is what systemd calls OK for a service that talks to the network.
EXPOSURE_MAX = "20"
# What the unit names of the system; each is enough where it is there.
TARGETS = ("sysinit", "basic", "shutdown", "multi-user", "network-online")


def judge(tally, binary):
    if not tally.expect(shutil.which("systemd-analyze"), "systemd-analyze is here (Debian: systemd)"):
        return
    tally.expect(verified(UNIT.read_text(), binary) == "", f"the unit is sound: {verified(UNIT.read_text(), binary)}")
    broken = UNIT.read_text().replace("Restart=always", "Restart=allways")
    tally.expect("allways" in verified(broken, binary), "a fault that is put there is found")
    ended = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNIT],
        capture_output=True, text=True, timeout=60,
    )
    tally.expect(ended.returncode == 0, f"it is hardened: {ended.stdout[-200:]}{ended.stderr}")


def verified(text, binary):
    """What systemd says of a unit, in a system of its own where all that the unit names is there."""
    with tempfile.TemporaryDirectory() as folder:
        system = pathlib.Path(folder)
        (system / "usr/bin").mkdir(parents=True)
        (system / "bin").mkdir()
        (system / "usr/lib/systemd/system").mkdir(parents=True)
        (system / "etc/systemd/system").mkdir(parents=True)
        for target in TARGETS:
            (system / f"usr/lib/systemd/system/{target}.target").write_text("[Unit]\nDescription=x\n")
        shutil.copy(binary, system / "usr/bin/xceed-gateway")
        shutil.copy("/bin/kill", system / "bin/kill")
        (system / "etc/systemd/system" / UNIT.name).write_text(text)
        ended = subprocess.run(
            ["systemd-analyze", "verify", f"--root={system}", UNIT.name], capture_output=True, text=True, timeout=60
        )
        said = (ended.stdout + ended.stderr).strip()
        return said or ("" if ended.returncode == 0 else f"exit {ended.returncode}")


def allowed_calls():
    """The system calls that the unit's filter lets through, and the families of addresses."""
    words = [line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    admitted, refused = set(members("@default")), set()
    for key, value in words:
        if key == "SystemCallFilter":
            into = refused if value.startswith("~") else admitted
            for name in value.lstrip("~").split():
                into.update(members(name))
    families = next(value for key, value in words if key == "RestrictAddressFamilies")
    return admitted - refused, set(families.split())


def members(name):
    """A group's calls, those of the groups in it too."""
    if not name.startswith("@"):
        return [name]
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, timeout=60).stdout
    inside = [line.strip() for line in listed.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return [call for one in inside for call in members(one)]
