#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Make a cluster's certificates on the controller, and bring each host its own
description:
  - Keeps one CA for a cluster, and a certificate for each of its hosts and clients, in a directory of the controller.
    Makes a certificate anew, with a new key, where it is not as wanted or ends soon.
  - Brings a host its certificate, its key, and the CA's certificate. The CA's key stays on the controller.
  - Needs the Python package cryptography on the controller, which ansible-core brings, in release 42 or later.
options:
  cluster:
    description: Name of the cluster, whose the directory is, and after which its CA is called.
    type: str
    required: true
  directory:
    description: Directory of the controller.
    type: path
    required: true
  state:
    description: V(absent) removes from controller and host. A host that cannot be reached keeps its files.
    type: str
    choices: [present, absent]
    default: present
  of:
    description: Whose certificate. V(client) is one on the controller. V(cluster), with O(state=absent), removes the
      directory with all that was made in it, where it is this cluster's.
    type: str
    choices: [host, client, cluster]
    default: host
  name:
    description: The certificate's name, and that of a client's directory.
    type: str
    default: ""
  names:
    description: Names by which the host is spoken to.
    type: list
    elements: str
    default: []
  addresses:
    description: IP addresses by which it is.
    type: list
    elements: str
    default: []
  days:
    description: How long a new certificate holds.
    type: int
    default: 365
  ca_days:
    description: How long a new CA's certificate holds. It is made anew, with its key, before what it signs would
      outlive it.
    type: int
    default: 3650
  renew_days:
    description: A certificate with fewer days left is made anew.
    type: int
    default: 30
  ca_certificate:
    description: A CA's certificate to use instead of an own one. Further certificates of the file are trusted too.
    type: path
    default: ""
  ca_key:
    description: Its private key, which is read only when a certificate is made.
    type: path
    default: ""
  ca_passphrase:
    description: The key's passphrase.
    type: str
    default: ""
  also_trusted:
    description: Files of the controller with certificates of further CAs to trust.
    type: list
    elements: path
    default: []
  path:
    description: Directory on the host.
    type: str
    default: /etc/dockernet/tls
  owner:
    description: Owner of the files on the host.
    type: str
    default: root
  group:
    description: A group that may read the key.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author:
  - The dockernet.lab maintainers
"""

EXAMPLES = r"""
- name: Give the host a certificate
  dockernet.lab.certificates:
    cluster: production
    directory: ~/.local/share/dockernet/production/certificates
    name: "{{ inventory_hostname }}"
    names: ["{{ inventory_hostname }}", localhost]
    addresses: ["{{ node_address }}", 127.0.0.1]
"""

RETURN = r"""
reasons:
  description: Why the certificate was made anew; empty where it was not.
  type: list
  elements: str
  returned: with O(state=present)
  sample: [it expires on 2030-01-31]
written:
  description: Files that changed on the host.
  type: list
  elements: str
  returned: with O(of=host)
  sample: [cert.pem, key.pem]
expires:
  description: When the certificate ends.
  type: str
  returned: with O(state=present)
  sample: "2030-01-31T12:00:00+00:00"
"""
