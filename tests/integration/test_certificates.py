# SPDX-License-Identifier: GPL-3.0-or-later
"""The role `certificates`, on hosts that are directories of this machine, and what TLS says to what it made.

Handshakes are real ones, of Python's ssl with its strictest checks: a server with a host's files, and a client.
"""

from __future__ import annotations

import getpass
import grp
import json
import multiprocessing
import os
import re
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.dockernet.lab.plugins.plugin_utils import _certificates as certificates
from ansible_collections.dockernet.lab.plugins.plugin_utils._certificate_store import CertificateStore
from ansible_collections.dockernet.lab.plugins.plugin_utils._certificates import Wanted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CHECKOUT = Path(__file__).parents[2]
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of keys that are made here
ROLE = "dockernet.lab.certificates"


class Cluster:
    """Hosts n1 and n2, each a directory, and the controller's directory of their certificates."""

    def __init__(self, directory: Path, name: str = "tested") -> None:
        self.directory = directory
        self.store = directory / name
        self.variables: dict[str, Any] = {
            "certificates_cluster": name,
            "certificates_directory": str(self.store),
            "certificates_path": f"{directory}/hosts-of-{name}/{{{{ inventory_hostname }}}}",
            "certificates_owner": getpass.getuser(),
            "certificates_address": "192.0.2.11",
        }
        self.output = ""

    def files(self, host: str) -> Path:
        return self.directory / f"hosts-of-{self.store.name}" / host

    def run(
        self, *options: str, entries: tuple[str, ...] = ("main", "client"), fails: bool = False, **more: Any
    ) -> dict[str, int]:
        """Run the role's entry points; how many changes each host had."""
        tasks = [{"ansible.builtin.include_role": {"name": ROLE, "tasks_from": entry}} for entry in entries]
        return self.play(tasks, *options, fails=fails, **more)

    def play(self, tasks: list[dict[str, Any]], *options: str, fails: bool = False, **more: Any) -> dict[str, int]:
        """Run tasks; how many changes each host had."""
        reached = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        hosts = {"all": {"vars": reached, "hosts": {"n1": None, "n2": None}}}
        variables = {**self.variables, **{f"certificates_{name}": value for name, value in more.items()}}
        play = {"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}
        inventory, playbook = self.directory / "hosts.yml", self.directory / "play.yml"
        inventory.write_text(yaml.safe_dump(hosts))
        playbook.write_text(yaml.safe_dump([play]))
        done = subprocess.run(
            [CHECKOUT / ".venv/bin/ansible-playbook", f"--inventory={inventory}", *options, playbook],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.output = " ".join(f"{done.stdout} {done.stderr}".split())
        assert (done.returncode != 0) == fails, self.output
        assert "Traceback" not in self.output
        counts = re.findall(r"^(n\d)\s.*changed=(\d+)", done.stdout, re.MULTILINE)
        return {host: int(count) for host, count in counts}

    def certificate(self, host: str = "n1") -> x509.Certificate:
        return read(self.files(host) / "cert.pem")

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Content and mode of all files, on the controller and on the hosts."""
        files = [path for path in self.directory.rglob("*") if path.is_file() and path.suffix != ".yml"]
        return {str(path): (path.read_bytes(), path.stat().st_mode) for path in files}

    def replace(self, wanted: Wanted) -> None:
        """Put another certificate of the cluster's CA in the place of n1's."""
        key = certificates.new_key()
        signer = certificates.key_in((self.store / "ca-key.pem").read_text(), "", "")
        made = certificates.issue(wanted, read(self.store / "ca.pem"), signer, key, certificates.now())
        for directory in (self.store / "nodes" / "n1", self.files("n1")):
            (directory / "cert.pem").write_text(certificates.text(made))
            (directory / "key.pem").write_text(certificates.key_text(key))


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def wanted(days: int) -> Wanted:
    return Wanted("n1", ("n1", "localhost"), ("127.0.0.1", "192.0.2.11"), ("server", "client"), days)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def handshake(server: Path, client: Path, name: str = "localhost") -> str:
    """Speak over mutual TLS, with the files in two directories; what went wrong, or nothing."""
    listening = _context(ssl.PROTOCOL_TLS_SERVER, server)
    speaking = _context(ssl.PROTOCOL_TLS_CLIENT, client)
    near, far = socket.socketpair()
    said: list[str] = []

    def serve() -> None:
        try:
            with listening.wrap_socket(far, server_side=True) as connection:
                connection.sendall(connection.recv(4))
        except OSError as error:
            said.append(f"server: {error}")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with speaking.wrap_socket(near, server_hostname=name) as connection:
            connection.sendall(b"ping")
            if connection.recv(4) != b"ping" and not said:
                said.append("client: no answer")
    except OSError as error:
        said.append(f"client: {error}")
    thread.join(10)
    return "; ".join(said)


def _context(protocol: int, directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_verify_locations(directory / "ca.pem")
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


def own_authority(directory: Path, passphrase: str = "", days: int = 3650, ca: bool = True) -> dict[str, Any]:
    """Make a CA as a user may have one: RSA. The role's variables for it."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Corp CA")])
    at = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(at - timedelta(days=400))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    directory.mkdir()
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
    return {"ca_certificate": f"{directory}/ca.pem", "ca_key": f"{directory}/key.pem", "ca_passphrase": passphrase}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster as it is after its first run, which was told at length. Tests change nothing in it."""
    cluster = Cluster(tmp_path_factory.mktemp("built"))
    cluster.run("-vvv", "--diff")
    before = cluster.state()
    yield cluster
    assert cluster.state() == before


def test_a_host_s_certificate_says_who_it_is_and_what_for(built: Cluster) -> None:
    certificate = built.certificate()
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject.rfc4514_string() == "CN=n1"
    assert names.get_values_for_type(x509.DNSName) == ["n1", "localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.0.2.11"]
    usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    left = certificate.not_valid_after_utc - datetime.now(timezone.utc)
    assert timedelta(days=364) < left < timedelta(days=366)


def test_a_client_s_certificate_is_good_for_clients_alone(built: Cluster) -> None:
    certificate = read(built.store / "clients" / "client" / "cert.pem")
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert "purpose" in handshake(built.store / "clients" / "client", built.files("n1"))


@pytest.mark.parametrize("name", ["localhost", "n1", "127.0.0.1", "192.0.2.11"])
def test_host_and_client_accept_each_other(built: Cluster, name: str) -> None:
    assert handshake(built.files("n1"), built.store / "clients" / "client", name) == ""


def test_two_hosts_accept_each_other_in_either_role(built: Cluster) -> None:
    assert handshake(built.files("n1"), built.files("n2")) == ""
    assert handshake(built.files("n2"), built.files("n1")) == ""
    assert read(built.files("n1") / "ca.pem") == read(built.files("n2") / "ca.pem")


def test_a_host_is_not_taken_for_another(built: Cluster) -> None:
    assert "Hostname mismatch" in handshake(built.files("n1"), built.files("n2"), "n2")


def test_keys_are_readable_to_their_owner_alone(built: Cluster) -> None:
    assert mode(built.store) == 0o700
    keys = [built.store / "ca-key.pem", *built.directory.rglob("key.pem")]
    assert len(keys) == 6
    assert {mode(key) for key in keys} == {0o600}
    assert {mode(path) for path in built.directory.rglob("cert.pem")} == {0o644}
    assert not (built.files("n1") / "ca-key.pem").exists()


def test_no_key_is_in_what_a_run_prints(built: Cluster) -> None:
    keys = [built.store / "ca-key.pem", *built.directory.rglob("key.pem")]
    lines = {line for key in keys for line in key.read_text().splitlines() if "-----" not in line}
    assert len(lines) == 12
    assert not [line for line in lines if line in built.output]
    assert "another private key" in built.output
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in built.output, "the run does not print what modules are given"


def test_a_second_run_changes_nothing(built: Cluster) -> None:
    assert built.run() == {"n1": 0, "n2": 0}


def test_check_mode_tells_the_first_run_and_changes_nothing(cluster: Cluster) -> None:
    assert cluster.run("--check", "--diff") == {"n1": 2, "n2": 1}
    assert cluster.state() == {}
    assert not cluster.store.exists()
    assert "+names and addresses: n2, localhost, 127.0.0.1, 192.0.2.11" in cluster.output


def test_other_names_or_addresses_make_another_certificate(cluster: Cluster) -> None:
    cluster.run()
    before = cluster.state()
    change: dict[str, Any] = {"names": ["{{ inventory_hostname }}", "www.example.com"], "address": "192.0.2.99"}
    assert cluster.run("--check", **change) == {"n1": 1, "n2": 1}
    assert cluster.state() == before
    assert cluster.run(**change) == {"n1": 1, "n2": 1}
    client = cluster.store / "clients" / "client"
    assert handshake(cluster.files("n1"), client, "www.example.com") == ""
    assert handshake(cluster.files("n1"), client, "192.0.2.99") == ""
    assert "mismatch" in handshake(cluster.files("n1"), client, "localhost")
    assert cluster.run(**change) == {"n1": 0, "n2": 0}


def test_a_certificate_is_renewed_before_it_expires_and_no_other_with_it(cluster: Cluster) -> None:
    cluster.run()
    cluster.replace(wanted(days=29))
    assert cluster.run(renew_days=28) == {"n1": 0, "n2": 0}
    former = cluster.certificate()
    assert cluster.run() == {"n1": 1, "n2": 0}
    assert cluster.certificate() != former
    assert cluster.certificate().public_key() != former.public_key()
    assert handshake(cluster.files("n1"), cluster.files("n2")) == ""


def test_an_expired_certificate_is_refused_until_it_is_renewed(cluster: Cluster) -> None:
    cluster.run()
    cluster.replace(wanted(days=-1))
    assert "certificate has expired" in handshake(cluster.files("n1"), cluster.files("n2"))
    assert "expired" in handshake(cluster.files("n2"), cluster.files("n1"))
    cluster.run()
    assert handshake(cluster.files("n1"), cluster.files("n2")) == ""


def test_two_clusters_have_two_authorities_and_refuse_each_other(cluster: Cluster) -> None:
    other = Cluster(cluster.directory, "other")
    cluster.run()
    other.run()
    assert "verify failed" in handshake(cluster.files("n1"), other.store / "clients" / "client")
    before = cluster.state()
    cluster.run(fails=True, directory=str(other.store))
    assert "holds the certificates of the cluster 'other', not of 'tested'" in cluster.output
    assert cluster.state() == before


def test_a_directory_with_other_things_is_left_alone(cluster: Cluster) -> None:
    cluster.store.mkdir(mode=0o755)
    (cluster.store / "notes.txt").write_text("mine")
    cluster.run(fails=True, entries=("main",))
    assert "holds other things than certificates of 'tested'" in cluster.output
    assert mode(cluster.store) == 0o755
    assert list(cluster.store.iterdir()) == [cluster.store / "notes.txt"]


def _one_of_many(directory: Path, number: int) -> str:
    store = CertificateStore(directory, "tested")
    with store.locked():
        return store.node(f"n{number}", wanted(days=365)).ca


def test_hosts_that_come_at_once_get_one_authority(tmp_path: Path) -> None:
    with ProcessPoolExecutor(8, multiprocessing.get_context("fork")) as pool:
        for cluster in range(10):
            authorities = list(pool.map(partial(_one_of_many, tmp_path / str(cluster)), range(8)))
            assert len(set(authorities)) == 1


def test_a_stranger_s_client_is_refused_by_the_server_itself(cluster: Cluster) -> None:
    other = Cluster(cluster.directory, "other")
    cluster.run()
    other.run()
    stranger = other.store / "clients" / "client"
    (stranger / "ca.pem").write_bytes((cluster.store / "ca.pem").read_bytes())  # so that it accepts the server
    assert "server: [SSL: CERTIFICATE_VERIFY_FAILED]" in handshake(cluster.files("n1"), stranger)


def test_the_cluster_s_authority_is_renewed_with_its_key_so_that_nobody_is_locked_out(cluster: Cluster) -> None:
    cluster.run(ca_days=400)
    former = read(cluster.store / "ca.pem")
    (cluster.directory / "former").mkdir()
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (cluster.directory / "former" / name).write_bytes((cluster.files("n2") / name).read_bytes())
    assert cluster.run(days=500)["n1"] > 0
    assert read(cluster.files("n1") / "ca.pem") != former
    assert "trusts another CA" not in cluster.output
    assert handshake(cluster.files("n1"), cluster.directory / "former") == ""
    assert handshake(cluster.directory / "former", cluster.files("n1")) == ""


def test_another_authority_makes_all_certificates_anew_and_says_so(cluster: Cluster) -> None:
    cluster.run()
    (cluster.store / "ca.pem").unlink()
    (cluster.store / "ca-key.pem").unlink()
    assert cluster.run() == {"n1": 2, "n2": 1}
    assert "'n2' trusts another CA than before" in cluster.output
    assert handshake(cluster.files("n1"), cluster.store / "clients" / "client") == ""
    assert cluster.run() == {"n1": 0, "n2": 0}


def test_an_authority_is_replaced_in_three_runs_with_nobody_refused(cluster: Cluster) -> None:
    new = own_authority(cluster.directory / "corp")
    cluster.run()
    copy = cluster.directory / "former.pem"
    copy.write_bytes((cluster.store / "ca.pem").read_bytes())
    trust_both = {"also_trusted": [new["ca_certificate"]]}
    switch = {**new, "also_trusted": [str(copy)]}
    for step in (trust_both, switch, new):
        # In the middle of a run: n1 has been done, and n2 has not.
        cluster.run("--limit=n1", entries=("main",), **step)
        assert handshake(cluster.files("n1"), cluster.files("n2")) == ""
        assert handshake(cluster.files("n2"), cluster.files("n1")) == ""
        cluster.run(entries=("main",), **step)
    assert read(cluster.files("n1") / "ca.pem").subject.rfc4514_string() == "CN=Example Corp CA"


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["open", "passphrase"])
def test_a_ca_of_the_user_s_own_signs(cluster: Cluster, passphrase: str) -> None:
    corp = own_authority(cluster.directory / "corp", passphrase)
    cluster.run("-vvv", **corp)
    assert not passphrase or PASSPHRASE not in cluster.output
    assert cluster.certificate().issuer.rfc4514_string() == "CN=Example Corp CA"
    assert handshake(cluster.files("n1"), cluster.store / "clients" / "client") == ""
    assert not (cluster.store / "ca-key.pem").exists()
    Path(corp["ca_key"]).unlink()
    assert cluster.run(**corp) == {"n1": 0, "n2": 0}, "its key is needed only when a certificate is made"


def test_a_ca_of_the_user_s_own_that_ends_soon_does_not_make_each_run_renew(cluster: Cluster) -> None:
    corp = own_authority(cluster.directory / "corp", days=10)
    cluster.run(**corp)
    assert cluster.certificate().not_valid_after_utc == read(Path(corp["ca_certificate"])).not_valid_after_utc
    assert cluster.run(**corp) == {"n1": 0, "n2": 0}


def test_a_ca_that_cannot_sign_is_refused_in_a_sentence(cluster: Cluster) -> None:
    locked = own_authority(cluster.directory / "locked", PASSPHRASE)
    other = own_authority(cluster.directory / "other")
    cases: list[tuple[dict[str, Any], str]] = [
        ({**locked, "ca_passphrase": ""}, "has a passphrase: set certificates_ca_passphrase"),
        ({**locked, "ca_passphrase": "wrong"}, "certificates_ca_passphrase is not the one of"),
        ({**locked, "ca_key": other["ca_key"]}, "is not that of the CA's certificate"),
        ({**other, "ca_key": ""}, "certificates_ca_key is not set"),
        (own_authority(cluster.directory / "expired", days=-1), "expired on"),
        (own_authority(cluster.directory / "leaf", ca=False), "may not sign others"),
        ({"ca_certificate": "/nonexistent"}, "names /nonexistent, which is not there"),
        ({"cluster": ""}, "certificates_cluster is not set"),
        ({"days": 30}, "each run would renew all"),
        ({"names": ["a name"]}, "'a name' in certificates_names is no name"),
        ({"addresses": ["n1"]}, "'n1' in certificates_addresses is no IP address"),
    ]
    role = {"name": ROLE, "apply": {"ignore_errors": True}}
    tasks = [
        {"ansible.builtin.include_role": role, "vars": {f"certificates_{name}": value for name, value in case.items()}}
        for case, _sentence in cases
    ]
    cluster.play(tasks, "--limit=n1", "-v")  # tells failures that are ignored
    for _case, sentence in cases:
        assert sentence in cluster.output
    assert not cluster.files("n1").exists()


def test_a_host_that_lost_its_files_gets_them_back(cluster: Cluster) -> None:
    cluster.run()
    before = cluster.state()
    (cluster.files("n1") / "key.pem").unlink()
    (cluster.files("n2") / "key.pem").chmod(0o644)
    assert cluster.run() == {"n1": 1, "n2": 1}
    assert cluster.state() == before


def test_a_key_of_another_certificate_is_replaced(cluster: Cluster) -> None:
    cluster.run()
    (cluster.store / "nodes" / "n1" / "key.pem").write_bytes((cluster.files("n2") / "key.pem").read_bytes())
    assert cluster.run() == {"n1": 1, "n2": 0}
    assert handshake(cluster.files("n1"), cluster.files("n2")) == ""


def test_a_group_may_read_the_key(cluster: Cluster) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    cluster.run(entries=("main",), group=group)
    assert mode(cluster.files("n1") / "key.pem") == 0o640
    assert (cluster.files("n1") / "key.pem").stat().st_gid == os.getgid()
    assert mode(cluster.store / "nodes" / "n1" / "key.pem") == 0o600


def test_a_host_that_leaves_is_forgotten(cluster: Cluster) -> None:
    cluster.run()
    before = cluster.state()
    assert cluster.run("--check", "--limit=n1", entries=("absent",)) == {"n1": 1}
    assert cluster.state() == before
    assert cluster.run("--limit=n1", entries=("absent",)) == {"n1": 1}
    assert not cluster.files("n1").exists()
    assert not (cluster.store / "nodes" / "n1").exists()
    assert cluster.files("n2").exists()
    assert cluster.run("--limit=n1", entries=("absent",)) == {"n1": 0}


def test_a_host_that_is_gone_is_forgotten(cluster: Cluster) -> None:
    cluster.run()
    gone = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    cluster.run("--limit=n1", f"--extra-vars={json.dumps(gone)}", entries=("absent",))
    assert not (cluster.store / "nodes" / "n1").exists()
    assert "'n1' cannot be reached, so its certificate and key stay in" in cluster.output


def test_a_cluster_s_directory_is_removed_and_nobody_else_s(cluster: Cluster) -> None:
    other = Cluster(cluster.directory, "other")
    cluster.run()
    other.run()
    assert cluster.run(entries=("cluster_absent",), directory=str(other.store)) == {"n1": 0, "n2": 0}
    (other.store / "notes.txt").write_text("mine")
    assert other.run(entries=("cluster_absent",)) == {"n1": 1, "n2": 0}
    assert list(other.store.iterdir()) == [other.store / "notes.txt"]
    assert cluster.run("--check", entries=("cluster_absent",)) == {"n1": 1, "n2": 0}
    assert cluster.store.exists()
    cluster.run(entries=("cluster_absent",))
    assert not cluster.store.exists()
