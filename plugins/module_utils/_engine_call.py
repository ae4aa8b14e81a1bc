# SPDX-License-Identifier: GPL-3.0-or-later
"""How a call to an engine can fail, the same for every release of the Docker SDK."""

from __future__ import annotations

REFUSALS: tuple[type[Exception], ...] = ()
try:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
except ImportError:
    pass  # _engine.connect says so before any call is made
else:
    REFUSALS = (DockerException, RequestException)


def words(error: Exception) -> str:
    """What the engine itself said, without the SDK's decoration."""
    text = getattr(error, "explanation", None) or str(error)
    # SDK 4.1 leaves an answer that is not JSON, as a classic Swarm's, in bytes.
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def is_missing(error: Exception) -> bool:
    """True where the answer was 404: there is no such thing."""
    return getattr(getattr(error, "response", None), "status_code", None) == 404
