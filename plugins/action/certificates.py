# SPDX-License-Identifier: GPL-3.0-or-later
"""Make certificates on the controller, and bring each host its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.dockernet.lab.plugins.plugin_utils import _certificates as certificates
from ansible_collections.dockernet.lab.plugins.plugin_utils._certificate_store import CertificateStore, Made, Settings
from ansible_collections.dockernet.lab.plugins.plugin_utils._certificates import CertificateError, Wanted
from cryptography import x509

OPTIONS = {
    "cluster": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "of": {"type": "str", "default": "host", "choices": ["host", "client", "cluster"]},
    "name": {"type": "str", "default": ""},
    "names": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "days": {"type": "int", "default": 365},
    "ca_days": {"type": "int", "default": 3650},
    "renew_days": {"type": "int", "default": 30},
    "ca_certificate": {"type": "path", "default": ""},
    "ca_key": {"type": "path", "default": ""},
    "ca_passphrase": {"type": "str", "default": "", "no_log": True},
    "also_trusted": {"type": "list", "elements": "path", "default": []},
    "path": {"type": "str", "default": "/etc/dockernet/tls"},  # the host's: not to be expanded here
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Does the work of one host. Hosts come in parallel, one after the other at the store."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(OPTIONS)
        host = str((task_vars or {}).get("inventory_hostname", ""))
        try:
            _check(options)
            store = _store(options, self._task.check_mode)
            if options["state"] == "absent":
                return {**result, **self._remove(store, options, host, task_vars)}
            return {**result, **self._keep(store, options, host, task_vars)}
        except CertificateError as error:
            return {**result, "failed": True, "msg": str(error)}
        except OSError as error:
            sentence = (
                f"The controller cannot use {options['directory']}: {error}; set certificates_directory to another."
            )
            return {**result, "failed": True, "msg": sentence}

    def _keep(
        self, store: CertificateStore, options: dict[str, Any], host: str, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        with store.locked():
            made = _make(store, options, host)
        result: dict[str, Any] = {"changed": store.changed, "reasons": list(made.reasons), "warnings": []}
        changes = dict(store.changes)
        if options["of"] == "host":
            result.update(self._bring(made, options, task_vars))
            if result.get("failed") or result.get("unreachable"):
                return result
            result["changed"] = result["changed"] or store.changed
            # The controller's copy of what the host gets would be told twice.
            changes.pop(str(store.directory / "nodes" / host / "cert.pem"), None)
            changes.update(_host_changes(result.pop("before"), made, options["path"]))
            result["warnings"] = _warnings(changes, options["path"], host)
        (certificate,) = certificates.certificates_in(made.certificate, "")
        result["expires"] = certificate.not_valid_after_utc.isoformat()
        result["diff"] = [_difference(path, *sides) for path, sides in changes.items()]
        if "key.pem" in result.get("written", []):
            place = f"{options['path']}/key.pem"
            result["diff"].append(
                {"before_header": place, "after_header": place, "before": "", "after": "another private key, or mode\n"}
            )
        return result

    def _bring(self, made: Made, options: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._files(
            {
                "path": options["path"],
                "owner": options["owner"],
                "group": options["group"] or None,
                "ca": made.ca,
                "certificate": made.certificate,
                "key": made.key,
            },
            task_vars,
        )

    def _remove(
        self, store: CertificateStore, options: dict[str, Any], host: str, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        if options["of"] == "cluster":
            if store.is_ours():
                with store.locked():
                    store.remove_all()
            return {"changed": store.changed}
        if store.directory.is_dir():
            with store.locked():
                store.remove_node(host)
        try:
            gone = self._files({"path": options["path"], "state": "absent"}, task_vars)
        except AnsibleConnectionFailure as error:
            gone = {"unreachable": True, "msg": str(error)}
        if gone.get("unreachable"):
            sentence = f"'{host}' cannot be reached, so its certificate and key stay in {options['path']} there."
            return {"changed": store.changed, "warnings": [sentence]}
        return {**gone, "changed": store.changed or gone.get("changed", False)}

    def _files(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Call the module that keeps the files on the host."""
        result: dict[str, Any] = self._execute_module(
            module_name="dockernet.lab.certificate_files", module_args=arguments, task_vars=task_vars
        )
        return result


def _check(options: dict[str, Any]) -> None:
    if not hasattr(x509.Certificate, "not_valid_after_utc"):
        raise CertificateError("The controller's Python package cryptography is older than 42: upgrade it.")
    if not options["cluster"]:
        raise CertificateError("certificates_cluster is not set: give the cluster a name, which its CA shall have.")
    if bool(options["ca_key"]) and not options["ca_certificate"]:
        raise CertificateError("certificates_ca_key is set without certificates_ca_certificate: set both or none.")
    if options["renew_days"] >= options["days"]:
        raise CertificateError(
            f"With certificates_days {options['days']} and certificates_renew_days {options['renew_days']} each run "
            "would renew all: renew later, or let certificates hold longer."
        )
    if options["days"] >= options["ca_days"]:
        raise CertificateError(
            f"certificates_ca_days {options['ca_days']} is not more than certificates_days {options['days']}: let the "
            "CA hold longer than what it signs."
        )


def _store(options: dict[str, Any], check: bool) -> CertificateStore:
    settings = Settings(
        ca_certificate=options["ca_certificate"],
        ca_key=options["ca_key"],
        ca_passphrase=options["ca_passphrase"],
        also_trusted=tuple(options["also_trusted"]),
        ca_days=options["ca_days"],
        renew_days=options["renew_days"],
    )
    return CertificateStore(Path(options["directory"]), options["cluster"], settings, check)


def _make(store: CertificateStore, options: dict[str, Any], host: str) -> Made:
    usages = ("client",) if options["of"] == "client" else ("server", "client")
    wanted = Wanted(
        options["name"], tuple(options["names"]), tuple(filter(None, options["addresses"])), usages, options["days"]
    )
    if options["of"] == "client":
        return store.client(options["name"], wanted)
    return store.node(host, wanted)


def _host_changes(before: dict[str, str], made: Made, path: str) -> dict[str, tuple[str, str]]:
    after = {"ca.pem": made.ca, "cert.pem": made.certificate}
    return {f"{path}/{name}": (before[name], text) for name, text in after.items() if before[name] != text}


def _warnings(changes: dict[str, tuple[str, str]], path: str, host: str) -> list[str]:
    """That a host trusts no more who it trusted: until all have the new authority, some refuse each other."""
    before, after = changes.get(f"{path}/ca.pem", ("", ""))
    if not before or _identities(before) <= _identities(after):
        return []
    return [
        f"'{host}' trusts another CA than before: hosts and clients with a certificate of the former one are refused "
        "until this role ran for all of them. See the role's README on replacing a CA."
    ]


def _identities(text: str) -> set[bytes]:
    try:
        return set(map(certificates.identity, certificates.certificates_in(text, "")))
    except CertificateError:
        return set()


def _difference(path: str, before: str, after: str) -> dict[str, str]:
    return {
        "before_header": path,
        "after_header": path,
        "before": _described(before),
        "after": _described(after),
    }


def _described(text: str) -> str:
    try:
        return "\n".join(map(certificates.describe, certificates.certificates_in(text, ""))) if text else ""
    except CertificateError:
        return "no certificate\n"
