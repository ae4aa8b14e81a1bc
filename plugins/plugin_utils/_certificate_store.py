# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of one cluster in a directory of the controller: made, renewed and removed there.

cluster             whose they are: its name
ca.pem, ca-key.pem  the cluster's own authority, where none of the user's is given
nodes/HOST/         cert.pem and key.pem of each host
clients/NAME/       ca.pem, cert.pem and key.pem of each client, as `docker context` wants them
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ansible_collections.dockernet.lab.plugins.plugin_utils import _certificates as certificates
from ansible_collections.dockernet.lab.plugins.plugin_utils._certificates import CertificateError, IssuerKey, Wanted
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

UNFINISHED = ".new-"  # what a file's name begins with until it is whole
OURS = ("cluster", "ca.pem", "ca-key.pem", "nodes", "clients")


@dataclass(frozen=True)
class Settings:
    """What the user sets of authority and renewal. Paths are the controller's; empty ones are not given."""

    ca_certificate: str = ""
    ca_key: str = ""
    ca_passphrase: str = field(default="", repr=False)
    also_trusted: tuple[str, ...] = ()
    ca_days: int = 3650
    renew_days: int = 30


@dataclass(frozen=True)
class Made:
    """A certificate with its key, and all authorities that its owner trusts, as PEM. reasons: why it was made now."""

    ca: str
    certificate: str
    key: str = field(repr=False)
    reasons: tuple[str, ...]


@dataclass
class _Authority:
    certificate: x509.Certificate
    bundle: str
    key: IssuerKey | None


@dataclass
class CertificateStore:
    """The directory. With `check` nothing is written, and what would be is only made in memory.

    changes: path to its former and its new content, for certificates; key material is in no such pair.
    """

    directory: Path
    cluster: str
    settings: Settings = field(default_factory=Settings)
    check: bool = False
    changed: bool = False
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out, who do the same for other hosts at the same time. OSError where the directory is barred."""
        if not self.check:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.directory.is_dir():
            yield
            return
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._check_owner()
            yield
        finally:
            os.close(descriptor)

    def node(self, host: str, wanted: Wanted) -> Made:
        """The certificate of a host, made anew where it is not as wanted."""
        return self._made(self._entry("nodes", host), wanted, with_ca=False)

    def client(self, name: str, wanted: Wanted) -> Made:
        """The certificate of a client, made anew where it is not as wanted."""
        return self._made(self._entry("clients", name), wanted, with_ca=True)

    def remove_node(self, host: str) -> None:
        """Forget a host that left for good."""
        self._remove(self._entry("nodes", host))

    def remove_all(self) -> None:
        """Remove all that is of this module, and the directory where nothing else is in it."""
        for name in reversed(OURS):
            self._remove(self.directory / name)
        if self.directory.is_dir() and not self.check and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def is_ours(self) -> bool:
        """Whether the directory says that it is this cluster's."""
        return self._read(self.directory / "cluster").strip() == self.cluster

    def _check_owner(self) -> None:
        owner = self._read(self.directory / "cluster").strip()
        if owner and owner != self.cluster:
            raise CertificateError(
                f"{self.directory} holds the certificates of the cluster '{owner}', not of '{self.cluster}': set "
                "certificates_directory to another, for clusters with one CA would trust each other's hosts."
            )
        if not owner and any(not path.name.startswith(UNFINISHED) for path in self.directory.iterdir()):
            raise CertificateError(
                f"{self.directory} holds other things than certificates of '{self.cluster}': set "
                "certificates_directory to one that is empty or not there yet, since only you may read it afterwards."
            )

    def _entry(self, kind: str, name: str) -> Path:
        if not name or name.startswith(".") or "/" in name:
            raise CertificateError(f"'{name}' cannot be the name of a directory in {kind}: take another name.")
        return self.directory / kind / name

    def _made(self, entry: Path, wanted: Wanted, with_ca: bool) -> Made:
        self._put(self.directory / "cluster", f"{self.cluster}\n")
        self._private(self.directory)
        authority = self._given() if self.settings.ca_certificate else self._own(wanted.days)
        self._check_authority(authority)
        why = self._reasons(entry, wanted, authority.certificate)
        if why:
            pair = self._issue(wanted, authority)
        else:
            pair = self._read(entry / "cert.pem"), self._read(entry / "key.pem")
        if with_ca:
            self._put(entry / "ca.pem", authority.bundle, 0o644)
        # The key first: who is stopped in between finds that they do not belong together, and begins again.
        self._put(entry / "key.pem", pair[1], 0o600)
        self._put(entry / "cert.pem", pair[0], 0o644)
        self._private(entry)
        return Made(authority.bundle, *pair, tuple(why))

    def _reasons(self, entry: Path, wanted: Wanted, authority: x509.Certificate) -> list[str]:
        content, key = self._read(entry / "cert.pem"), self._read(entry / "key.pem")
        if not content or not key:
            return ["there is none yet"]
        try:
            certificate = certificates.certificates_in(content, "")[0]
            if not certificates.belong_together(certificate, certificates.key_in(key, "", "")):
                return ["it is of another key"]
        except CertificateError:
            return ["it cannot be read"]
        return list(certificates.reasons(wanted, certificate, authority, self.settings.renew_days, certificates.now()))

    def _issue(self, wanted: Wanted, authority: _Authority) -> tuple[str, str]:
        signer = authority.key or self._signer(authority)
        key = certificates.new_key()
        made = certificates.issue(wanted, authority.certificate, signer, key, certificates.now())
        return certificates.text(made), certificates.key_text(key)

    def _signer(self, authority: _Authority) -> IssuerKey:
        """The authority's key. It is needed only when a certificate is made, and may be away at other times."""
        given = self.settings.ca_certificate
        path = Path(self.settings.ca_key).expanduser() if given else self.directory / "ca-key.pem"
        if given and not self.settings.ca_key:
            raise CertificateError("A certificate must be made, and certificates_ca_key is not set: name the CA's key.")
        content = self._read(path)
        if not content:
            other = "" if given else f", or move {self.directory}/ca.pem away to begin with a new CA"
            raise CertificateError(
                f"A certificate must be made, and the CA's key {path} is not there: bring it{other}."
            )
        authority.key = certificates.key_in(content, self.settings.ca_passphrase if given else "", str(path))
        if not certificates.belong_together(authority.certificate, authority.key):
            raise CertificateError(f"The key {path} is not that of the CA's certificate: name the one that is.")
        return authority.key

    def _given(self) -> _Authority:
        path = Path(self.settings.ca_certificate).expanduser()
        content = self._read(path)
        if not content:
            raise CertificateError(f"certificates_ca_certificate names {path}, which is not there: name another file.")
        return self._authority(content, str(path))

    def _own(self, days: int) -> _Authority:
        """The cluster's own authority. It is made anew, with its key, before a certificate would outlive it.

        So hosts that have its former certificate, and those that have the new one, go on trusting each other.
        """
        path, key_path = self.directory / "ca.pem", self.directory / "ca-key.pem"
        content = self._read(path)
        if content:
            authority = self._authority(content, str(path))
            left = authority.certificate.not_valid_after_utc - certificates.now()
            if left > timedelta(days=days) or not key_path.exists():
                self._put(path, content, 0o644)
                return authority
            key = self._signer(authority)
        else:
            key = self._own_key(key_path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateError(f"{key_path} is no EC key: name a CA that is not made here in certificates_ca_key.")
        made = certificates.text(
            certificates.new_authority(self.cluster, self.settings.ca_days, key, certificates.now())
        )
        self._put(key_path, certificates.key_text(key), 0o600)
        self._put(path, made, 0o644)
        authority = self._authority(made, str(path))
        authority.key = key
        return authority

    def _own_key(self, path: Path) -> IssuerKey:
        """A new key, or one that was left by a run that got no further."""
        content = self._read(path)
        return certificates.key_in(content, "", str(path)) if content else certificates.new_key()

    def _authority(self, content: str, where: str) -> _Authority:
        chain = certificates.certificates_in(content, where)
        for name in self.settings.also_trusted:
            path = Path(name).expanduser()
            more = self._read(path)
            if not more:
                raise CertificateError(f"certificates_also_trusted names {path}, which is not there: remove the entry.")
            chain += certificates.certificates_in(more, str(path))
        bundle = "".join(dict.fromkeys(map(certificates.text, chain)))
        return _Authority(chain[0], bundle, None)

    def _check_authority(self, authority: _Authority) -> None:
        where = self.settings.ca_certificate or str(self.directory / "ca.pem")
        problem = certificates.authority_problem(authority.certificate, where, certificates.now())
        if problem:
            raise CertificateError(problem)

    def _read(self, path: Path) -> str:
        try:
            return path.read_text()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except UnicodeDecodeError:
            return "no text"

    def _put(self, path: Path, content: str, mode: int = 0o600) -> None:
        """Have the file hold this text with this mode, in one step, never readable to more than that."""
        before = self._read(path)
        if before == content and stat.S_IMODE(path.stat().st_mode) == mode:
            return
        self.changed = True
        if before != content and mode == 0o644:
            self.changes[str(path)] = before, content
        if self.check:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
        Path(new).replace(path)

    def _private(self, directory: Path) -> None:
        if directory.is_dir() and stat.S_IMODE(directory.stat().st_mode) != 0o700:
            self.changed = True
            if not self.check:
                directory.chmod(0o700)

    def _remove(self, path: Path) -> None:
        if not path.exists():
            return
        self.changed = True
        if self.check:
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
