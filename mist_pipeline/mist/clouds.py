"""The regions of the Mist cloud: base URLs that a token may be sent to, and the hosts of its web interface.

No I/O. `client` takes a checked base URL from here, the settings offer the region names.
"""

from urllib.parse import urlsplit

from mist_pipeline.http_client.urls import is_loopback, is_safe_for_secrets

CLOUDS: dict[str, str] = {
    "global-01": "https://api.mist.com",
    "global-02": "https://api.gc1.mist.com",
    "global-03": "https://api.ac2.mist.com",
    "global-04": "https://api.gc2.mist.com",
    "global-05": "https://api.gc4.mist.com",
    "emea-01": "https://api.eu.mist.com",
    "emea-02": "https://api.gc3.mist.com",
    "emea-03": "https://api.ac6.mist.com",
    "emea-04": "https://api.gc6.mist.com",
    "apac-01": "https://api.ac5.mist.com",
    "apac-02": "https://api.gc5.mist.com",
    "apac-03": "https://api.gc7.mist.com",
    "federal-us": "https://api.us.mist-federal.com",
}
"""Base URL by region name, as Juniper numbers its clouds."""

_PORTS = {"https": 443, "http": 80}


def base_url(cloud: str) -> str:
    """The base URL for a region name of `CLOUDS` or for an URL: scheme and host, no trailing slash.

    Raises:
        ValueError: Unknown region; not https (http is for loopback alone); credentials, a path, a query or a
            fragment in the URL; no host or a bad port.
    """
    text = cloud.strip()
    if text.lower() in CLOUDS:
        return CLOUDS[text.lower()]
    if "://" not in text:
        raise ValueError(f"unknown Mist cloud {cloud!r}: give an https URL or one of {', '.join(CLOUDS)}")
    parts = urlsplit(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the base URL of the Mist cloud must not hold credentials; the token has its own setting"
        )
    host, port = parts.hostname, parts.port
    if not host or not all(char.isalnum() or char in "-.:" for char in host):
        raise ValueError(f"the base URL {cloud!r} has no valid host")
    if not is_safe_for_secrets(parts.scheme, host):
        raise ValueError(
            f"the base URL {cloud!r} must be https: the token would travel in the open (http is for loopback alone)"
        )
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the base URL {cloud!r} must end after the host, for example {CLOUDS['global-01']}")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def people_url(api_url: str) -> str | None:
    """The web interface to what this API serves: ``https://api.eu.mist.com`` → ``https://manage.eu.mist.com``.

    None for an URL that is not of an ``api.`` host: behind a simulated cloud or a proxy there is no page to lead to.
    """
    if not api_url.startswith("https://api."):
        return None
    return api_url.replace("://api.", "://manage.", 1)


def is_same_cloud(one: str, other: str) -> bool:
    """Whether two base URLs are of the same cloud; a simulated one takes another port with every start.

    >>> is_same_cloud("http://127.0.0.1:8600", "http://localhost:41234")
    True
    >>> is_same_cloud("https://api.mist.com", "https://api.eu.mist.com")
    False
    """
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback(host):
        return "loopback", None
    return host, parts.port if parts.port != _PORTS.get(parts.scheme) else None
