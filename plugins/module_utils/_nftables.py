# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of nftables on this host: read, checked, loaded, and put back by a timer where nobody keeps it in time.

Edge: runs nft and systemd's commands. No other table is ever named.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

NFT = "/usr/sbin/nft"  # for root over ssh, sbin may be in no path
TABLE = ("inet", "dockernet")
RULES = Path("/etc/dockernet/firewall.nft")
# What nft listed after RULES were loaded: nft words rules in its own way, so a table is compared with this.
LISTING = Path("/var/lib/dockernet/firewall.listing")
UNIT = Path("/etc/systemd/system/dockernet-firewall.service")
WANTED = Path("/etc/systemd/system/sysinit.target.wants") / UNIT.name
ROLLBACK_UNIT = "dockernet-firewall-rollback"
# Whoever moves FORMER away has the word: the timer to load it, or this module to keep what is loaded.
FORMER = Path("/run/dockernet-firewall/former.nft")
TAKEN = Path("/run/dockernet-firewall/taken.nft")
PROPOSED = Path("/run/dockernet-firewall/proposed.nft")

# As Debian's nftables.service, which flushes all tables whenever it starts, stops or reloads: ours comes after it.
UNIT_TEXT = f"""\
[Unit]
Description=Cluster firewall (table {" ".join(TABLE)})
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target docker.service consul.service etcd.service zookeeper.service
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardInput=null
ExecStart={NFT} -f {RULES}
ExecReload={NFT} -f {RULES}
ExecStop=-{NFT} delete table {" ".join(TABLE)}

[Install]
WantedBy=sysinit.target
"""


class RefusedError(Exception):
    """nft or systemd did not do what it was told; the message is what it said."""


def run(*words: str, text: str | None = None) -> str:
    """What a command prints.

    Raises:
        RefusedError: it did not end well.
    """
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RefusedError((done.stderr or done.stdout).strip())
    return done.stdout


def installed() -> bool:
    """Whether there is an nft."""
    return Path(NFT).exists()


def loaded() -> str:
    """The table as nft lists it, without its counters' values; empty where it is not loaded."""
    try:
        return run(NFT, "--stateless", "list", "table", *TABLE)
    except RefusedError:
        return ""


def replacement(listing: str) -> str:
    """What makes the table that of the listing, in one transaction; removes it where the listing is empty."""
    # Declared first, since a table that is not there cannot be deleted.
    return "table {0} {1}\ndelete table {0} {1}\n".format(*TABLE) + listing


def what_is_wrong(said: str, rules: str) -> str:
    """nft's first error, after the line that it is about."""
    error = re.search(r"^[^\n]*?:(\d+):[\d-]+: Error: (.+)$", said, re.MULTILINE)
    if error is None:
        return said.splitlines()[0] if said else "nothing"
    lines = [*rules.splitlines(), ""]
    line = lines[min(int(error.group(1)), len(lines)) - 1]
    return f"'{line.strip()}': {error.group(2)}"


def content(path: Path) -> str:
    """A file's text; empty where there is none."""
    return path.read_text() if path.exists() else ""


def persists() -> bool:
    """Whether the unit is there, and systemd starts it at boot."""
    return content(UNIT) == UNIT_TEXT and WANTED.is_symlink()


def check(rules: str) -> None:
    """Have nft and the kernel check the rules without loading them.

    Raises:
        RefusedError: they do not hold.
    """
    run(NFT, "--check", "--file", "-", text=rules)


def propose(rules: str, seconds: int) -> None:
    """Load the rules, and have the host put back the former table after so many seconds unless `keep` is called.

    Raises:
        RefusedError: nothing was changed.
    """
    FORMER.parent.mkdir(mode=0o700, exist_ok=True)
    PROPOSED.write_text(rules)
    FORMER.write_text(replacement(loaded()))
    put_back = f"mv {FORMER} {TAKEN} && exec {NFT} -f {TAKEN}"
    try:
        # A timer may be a minute late, unless told otherwise.
        timer = (f"--on-active={seconds}s", "--timer-property=AccuracySec=100ms")
        run("systemd-run", f"--unit={ROLLBACK_UNIT}", "--collect", *timer, "/bin/sh", "-c", put_back)
        run(NFT, "--file", "-", text=rules)
    except RefusedError:
        take()
        raise


def take() -> bool:
    """Disarm the rollback. Returns whether one was armed."""
    try:
        FORMER.rename(TAKEN)
    except FileNotFoundError:
        return False
    with contextlib.suppress(RefusedError):  # it may have just gone off, and found nothing to do
        run("systemctl", "stop", f"{ROLLBACK_UNIT}.timer")
    return True


def put_back_now() -> None:
    """Put back the former table at once, where an earlier run broke off before it could keep what it had loaded."""
    if take():
        run(NFT, "--file", str(TAKEN))


def keep() -> bool:
    """Keep what was proposed, over a reboot too. Returns false where the host has put back the former table already."""
    if not take():
        return False
    for path, text in ((RULES, PROPOSED.read_text()), (LISTING, loaded())):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    persist()
    return True


def persist() -> None:
    """Have systemd load the rules at boot."""
    if content(UNIT) != UNIT_TEXT:
        UNIT.write_text(UNIT_TEXT)
        run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "--quiet", UNIT.name)


def leftovers() -> list[Path]:
    """What there is of the table's files and unit."""
    return [path for path in (RULES, LISTING, UNIT, WANTED) if path.exists() or path.is_symlink()]


def remove() -> None:
    """Take away the table, its unit and its files."""
    take()
    if UNIT.exists():
        run("systemctl", "disable", "--now", "--quiet", UNIT.name)
    if loaded():
        run(NFT, "delete", "table", *TABLE)
    for path in leftovers():
        path.unlink()
    for directory in (RULES.parent, LISTING.parent):
        with contextlib.suppress(OSError):  # others' files may be there
            directory.rmdir()
    run("systemctl", "daemon-reload")
