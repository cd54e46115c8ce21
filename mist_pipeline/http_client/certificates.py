"""Which authorities are trusted to vouch for a server: those of this machine, or those of a file. The same for HTTP and mail.

Companies run authorities of their own, and proxies that sign with them. Their certificates are in the store of the machine,
which the HTTP library does not read: it brings a list of its own. Here: the store, the file in its place, and the words for
a certificate that nobody vouches for. Not here: the request (`session`), the mail (``delivery.sinks.mail``).

Imports stay light: the libraries are loaded where there is a connection to be made.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a file or folder of certificates to trust instead; other programs read them, too."""

_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 27})
_WRONG_TIME = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 63, 64})
"""Numbers of OpenSSL for what is wrong with a certificate."""


class CertificatesError(Exception):
    """The certificates to trust cannot be read; says which setting names them."""


def tls_context(ca_file: Path | None = None) -> "ssl.SSLContext":
    """What checks the certificate of a server, and its name.

    Args:
        ca_file: Certificates to trust instead of the machine's (PEM, a file or a folder); by default what `VARIABLES` name,
            else the store of the machine.

    Raises:
        CertificatesError: There are no certificates at that place.
    """
    import ssl

    named = next(((name, os.environ[name]) for name in VARIABLES if os.environ.get(name)), None)
    setting, place = ("ca_file", str(ca_file)) if ca_file is not None else named or ("", "")
    if not place:
        return _of_the_machine()
    # As for the store: Python's own default is stricter from 3.13 on than what many companies' authorities have issued.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        is_folder = Path(place).is_dir()
        context.load_verify_locations(
            cafile=None if is_folder else place, capath=place if is_folder else None
        )
    except OSError as error:
        why = (
            "there is no such file"
            if isinstance(error, FileNotFoundError)
            else "it holds no certificates in PEM"
        )
        raise CertificatesError(f"{setting} names {place}, but {why}") from None
    return context


def _of_the_machine() -> "ssl.SSLContext":
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    paths = ssl.get_default_verify_paths()
    has_store = paths.cafile or (paths.capath and any(Path(paths.capath).iterdir()))
    if os.name == "posix" and not has_store:
        # A container without certificates: the list that comes with the HTTP library is better than nothing.
        from requests.utils import DEFAULT_CA_BUNDLE_PATH

        context.load_verify_locations(cafile=DEFAULT_CA_BUNDLE_PATH)
    return context


def certificate_problem(error: "ssl.SSLCertVerificationError") -> str:
    """What is wrong with the certificate of a server, and what to do about it.

    >>> from types import SimpleNamespace
    >>> certificate_problem(SimpleNamespace(verify_code=10))
    'its certificate has expired or is not valid yet; is the clock of this machine right?'
    """
    code = getattr(error, "verify_code", 0)
    if code in _WRONG_TIME:
        return "its certificate has expired or is not valid yet; is the clock of this machine right?"
    if code in _WRONG_NAME:
        return "its certificate is for another host name; configure the name that is in the certificate"
    what = (
        "its certificate is signed by an authority that this machine does not trust"
        if code in _UNKNOWN_AUTHORITY
        else "its certificate is not valid"
    )
    return (
        f"{what}; if it is your company's authority or proxy, add that to the certificate store of this machine, or name a file "
        f"with its certificate in {VARIABLES[0]}"
    )
