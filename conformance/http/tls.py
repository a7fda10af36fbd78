"""Chooses the certificates that are trusted and the one that is shown, and advises on TLS failures.

A profile has no keys for either: they are the machine's affair, and are told by the environment.
"""

import os
import ssl
from pathlib import Path

import httpx

from conformance.errors import UsageError

CA_FILE, CA_FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
OWN_CERTIFICATE, OWN_KEY = "SSL_CLIENT_CERT", "SSL_CLIENT_KEY"

_OTHER_HOST = "The certificate is for another host: use the name that it was made for in target.base_url."
# Words of OpenSSL, and advice.
_ADVICE = (
    ("has expired", "The certificate has expired and has to be renewed. Is this machine's clock right?"),
    ("not yet valid", "The target's certificate begins in the future: is this machine's clock right?"),
    ("mismatch", _OTHER_HOST),
    ("not valid for", _OTHER_HOST),
    ("self-signed", f"No authority that this machine trusts has signed it; {CA_FILE} names a file with a private CA."),
    ("local issuer", f"Its issuer isn't known here: a private CA ({CA_FILE} names its file), or a chain sent in part."),
    ("verify failed", f"Check the certificate; {CA_FILE} names a file with a private CA."),
    ("certificate required", f"The target asks for a client certificate: {OWN_CERTIFICATE} names the file with yours."),
    ("CERTIFICATE_REQUIRED", f"The target asks for a client certificate: {OWN_CERTIFICATE} names the file with yours."),
    ("wrong version", "Something listens there that speaks no TLS: is it http, or another port?"),
    ("record layer", "Something listens there that speaks no TLS: is it http, or another port?"),
    ("handshake failure", f"No common cipher, or a client certificate is asked for ({OWN_CERTIFICATE} names yours)."),
    ("protocol version", "The target speaks an old TLS only: TLS 1.2 is the least that is taken here."),
)  # fmt: skip


def context() -> ssl.SSLContext:
    """Trusts what SSL_CERT_FILE or SSL_CERT_DIR name, else the public CAs; shows the certificate of SSL_CLIENT_CERT.

    Raises UsageError for a variable that names nothing usable.
    """
    file, folder = os.environ.get(CA_FILE), os.environ.get(CA_FOLDER)
    if folder and not file and not Path(folder).is_dir():
        raise UsageError(f"{CA_FOLDER} is {folder}, which is no folder", hint="Name the folder, or unset it.")
    try:
        made = httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as fault:
        raise UsageError(
            f"{CA_FILE} is {file}, which holds no certificates: {fault.strerror or fault}",
            hint="It names a PEM file with the CA that signed the target's certificate; unset it for public CAs.",
        ) from None
    own = os.environ.get(OWN_CERTIFICATE)
    if own:
        try:
            # An encrypted key would ask on the terminal, and hang where there is none.
            made.load_cert_chain(own, os.environ.get(OWN_KEY) or None, password=lambda: "")
        except (OSError, ssl.SSLError) as fault:
            raise UsageError(
                f"{OWN_CERTIFICATE} is {own}, which can't be used: {fault.strerror or fault}",
                hint=f"It names a PEM file; its key, not encrypted, stands there too or in the file of {OWN_KEY}.",
            ) from None
    return made


def advice(said: str) -> str:
    """Returns advice on a TLS failure, by OpenSSL's words."""
    return next(
        (help_ for words, help_ in _ADVICE if words in said),
        f"Check the certificate; {CA_FILE} names a private CA.",
    )
