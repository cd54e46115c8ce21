"""Which addresses secrets may be sent to. No I/O, no HTTP library."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine: ``localhost``, 127.0.0.0/8 or ``::1``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe_for_secrets(scheme: str, host: str) -> bool:
    """Whether a request cannot be read on its way: https, or http within this machine."""
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def checked_url(url: str, what: str) -> str:
    """The URL exactly as it was given, but for blanks around it: a receiver may tell ``/in`` and ``/in/`` apart.

    Args:
        url: Address of a receiver.
        what: Name of the setting, for the error; the URL itself may be a secret and is not quoted.

    Raises:
        ValueError: Not https (http is for loopback alone), no host, a bad port, credentials or a fragment in it.
    """
    text = url.strip()
    if any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError(f"{what}: the URL holds spaces or control characters")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what}: not a URL (is the port a number?)") from None
    if not host:
        raise ValueError(f"{what}: give a whole URL, such as https://example.com/path")
    if not is_safe_for_secrets(parts.scheme, host):
        raise ValueError(f"{what}: must be https, it carries secrets (http is for loopback alone)")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{what}: must not hold credentials; they have settings of their own")
    if parts.fragment:
        raise ValueError(f"{what}: must not hold a fragment (#…)")
    return text


def checked_base_url(url: str, what: str) -> str:
    """The address below which an API lies, without a slash at its end; checked as `checked_url` does.

    Raises:
        ValueError: As there, or for a query, behind which no path can stand.
    """
    text = checked_url(url, what)
    if urlsplit(text).query:
        raise ValueError(f"{what}: must not hold a query (?…); paths are added to it")
    return text.rstrip("/")
