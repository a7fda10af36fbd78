"""Examines the way to the target: name, connection, certificate, and a proxy that isn't used."""

import os
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from conformance.doctor.finding import Finding, State
from conformance.http import tls

_SOON_DAYS = 21
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def network(base_url: str, timeout_s: float, through: str | None = None) -> list[Finding]:
    """Returns the findings on the way to `base_url`; the last is `unreachable` where it ends before its goal.

    With a proxy (`through`), they are about the way to that: what is behind it, only requests can show.
    """
    if through is not None:
        lines = network(through, timeout_s)
        came = f"{base_url} is reached through it"
        return [Finding("proxy", f"looked at target.proxy, {through}", State.NOTE, came), *lines[-2:]]
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    lines = proxy(os.environ)
    lines.append(_name(host, port))
    if lines[-1].state is State.OK:
        lines.append(_connection(host, port, timeout_s))
    if lines[-1].state is State.OK and parts.scheme == "https":
        lines += _tls(host, port, timeout_s)
    return lines


def proxy(environ: Mapping[str, str]) -> list[Finding]:
    """Returns a note where the environment names a proxy: this client doesn't use it."""
    named = [name for name in _PROXIES if environ.get(name) or environ.get(name.lower())]
    if not named:
        return []
    came = f"{' and '.join(named)} set; the harness connects directly and ignores it"
    todo = "If only the proxy can reach the target, name it in the profile: target.proxy."
    return [Finding("proxy", "looked for a proxy in the environment", State.NOTE, came, todo)]


def _name(host: str, port: int) -> Finding:
    examined = partial(Finding, "dns", f"looked up {host}")
    clock = time.perf_counter()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as fault:
        todo = "Check the spelling of target.base_url; is a VPN or an entry in /etc/hosts needed?"
        return examined(State.UNREACHABLE, f"no address ({fault.strerror or fault})", todo)
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    return examined(State.OK, f"{', '.join(addresses[:4])} in {_ms(clock)}")


def _connection(host: str, port: int, timeout_s: float) -> Finding:
    found = partial(Finding, "tcp", f"connected to port {port}")
    clock = time.perf_counter()
    try:
        socket.create_connection((host, port), timeout=timeout_s).close()
    except TimeoutError:
        todo = "A firewall drops this, or the host is down: is this machine's address on the target's list?"
        return found(State.UNREACHABLE, f"no answer within {timeout_s:g} s", todo)
    except OSError as fault:
        todo = "Is the target running, and is this its port?"
        return found(State.UNREACHABLE, str(fault.strerror or fault), todo)
    return found(State.OK, f"open, in {_ms(clock)}")


def _tls(host: str, port: int, timeout_s: float) -> list[Finding]:
    """Raises UsageError where the environment names certificates that can't be used."""
    trusted = tls.context()
    own = os.environ.get(tls.OWN_CERTIFICATE)
    found = partial(Finding, "tls", "shook hands over TLS" + (f", showing {own}" if own else ""))
    try:
        with _secured(host, port, trusted, timeout_s) as secured:
            leaf = secured.getpeercert() or {}
            version = f"{secured.version()}, issued by {_organisation(leaf)}"
    except OSError as fault:
        said = getattr(fault, "verify_message", "") or str(fault)
        came = f"{said} {_shown(host, port, timeout_s)}".strip()
        return [found(State.UNREACHABLE, came, tls.advice(said))]
    lines = [found(State.OK, f"{version}; chain and host name are right"), _expiry(leaf)]
    if where := os.environ.get(tls.CA_FILE) or os.environ.get(tls.CA_FOLDER):
        came = f"the certificates of {where} are trusted"
        lines.append(Finding("tls.ca", "looked for a private CA", State.NOTE, came))
    return lines


def _expiry(leaf: Mapping[str, object]) -> Finding:
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(leaf["notAfter"])), UTC)
    left = (ends - datetime.now(UTC)).days
    came = f"until {ends:%Y-%m-%d}, {left} days"
    found = partial(Finding, "tls.expiry", "looked how long the certificate is good for")
    if left < _SOON_DAYS:
        return found(State.WARNING, came, "Have it renewed: after that day nothing works.")
    return found(State.OK, came)


def _secured(host: str, port: int, context: ssl.SSLContext, timeout_s: float) -> ssl.SSLSocket:
    plain = socket.create_connection((host, port), timeout=timeout_s)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _shown(host: str, port: int, timeout_s: float) -> str:
    """Returns the owner of a certificate that isn't trusted, in brackets; empty where it can't be had."""
    from cryptography import x509  # only where something is wrong: it takes a while to load

    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE  # nothing is sent over it but a handshake
    with suppress(OSError, ValueError), _secured(host, port, blind, timeout_s) as secured:
        found = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
        return (
            f"(it shows {found.subject.rfc4514_string() or 'no name'}, issued by "
            f"{found.issuer.rfc4514_string()}, good from {found.not_valid_before_utc:%Y-%m-%d} "
            f"to {found.not_valid_after_utc:%Y-%m-%d})"
        )
    return ""


def _organisation(leaf: Mapping[str, object]) -> str:
    issuer = leaf.get("issuer") or ()
    names = {key: value for part in issuer for key, value in part}  # type: ignore[attr-defined]
    return str(names.get("organizationName") or names.get("commonName") or "somebody without a name")


def _ms(clock: float) -> str:
    return f"{(time.perf_counter() - clock) * 1000:.0f} ms"
