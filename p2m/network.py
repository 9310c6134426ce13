"""The way to a server, as the environment has it: its proxy, its certificates, who listens."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from p2m.errors import ConfigError
from p2m.text.secrets import hide_userinfo

SCHEMES = ("http", "https", "socks5", "socks5h")
CERTIFICATES = {"SSL_CERT_FILE": os.path.isfile, "SSL_CERT_DIR": os.path.isdir}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
VARIABLES = (*_PROXIES, *map(str.upper, _PROXIES), *CERTIFICATES)
LISTENS_S = 2.0  # what listens accepts within milliseconds, on another continent within 0.3 s


def is_loopback(url: str) -> bool:
    """Whether it is a server on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def find_proxy(url: str) -> tuple[str, str] | None:
    """The variable whose proxy stands before *url*, and its value; never for this machine."""
    parts = urlsplit(url)
    if is_loopback(url) or _is_exempt(parts.hostname or ""):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            value = os.environ.get(variable, "").strip()
            if value:
                return variable, value if "://" in value else f"http://{value}"
    return None


def find_faults(url: str) -> Iterator[str]:
    """What in the environment keeps *url* from being reached: a line each, with the variable."""
    proxy = find_proxy(url)
    if proxy:
        yield from _proxy_faults(*proxy)
    if urlsplit(url).scheme != "https":
        return
    for variable, is_there in CERTIFICATES.items():
        path = os.environ.get(variable)
        if path and not is_there(path):
            kind = "file" if variable.endswith("FILE") else "folder"
            yield (
                f"the environment variable {variable} names {path}, and there is no such {kind};"
                " unset it, or name the certificates that TLS shall trust"
            )
        elif path and os.path.isfile(path) and not _holds_certificates(path):
            yield f"the environment variable {variable} names {path}, which holds no certificates"


def client_options(url: str) -> dict[str, Any]:
    """Of an httpx2 client for *url* alone.  ConfigError where the environment is wrong."""
    import httpx2

    faults = list(find_faults(url))
    if faults:
        raise ConfigError("\n".join(faults))
    proxy = find_proxy(url)
    return {
        "proxy": proxy[1] if proxy else None,
        # reading the certificates takes longer than a call
        "verify": httpx2.create_ssl_context() if urlsplit(url).scheme == "https" else False,
        "trust_env": False,
    }


def describe_proxy(url: str) -> str:
    """` through HTTP_PROXY=http://...` where there is one, without its password."""
    proxy = find_proxy(url)
    return f" through {proxy[0]}={hide_userinfo(proxy[1])}" if proxy else ""


def find_silence(url: str) -> str | None:
    """Why nothing listens at *url*; None if something does, or a proxy is between."""
    parts = urlsplit(url)
    if find_proxy(url):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), LISTENS_S):
            return None
    except TimeoutError:
        return None  # it may be busy
    except OSError as error:
        return error.strerror or str(error)


def _is_exempt(host: str) -> bool:
    proxies = getproxies_environment()
    if proxy_bypass(host, proxies):
        return True
    for name in proxies.get("no", "").split(","):
        try:
            if "/" in name and ipaddress.ip_address(host) in ipaddress.ip_network(name.strip()):
                return True
        except ValueError:
            continue
    return False


def _proxy_faults(variable: str, proxy: str) -> Iterator[str]:
    shown = f"the environment variable {variable} names the proxy {hide_userinfo(proxy)}"
    parts = urlsplit(proxy)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        yield f"{shown}, which begins with none of {known}; correct or unset it"
    elif not parts.hostname or not has_port(parts):
        yield f"{shown}, which is no host with a port; correct or unset it"
    elif parts.scheme.startswith("socks") and find_spec("socksio") is None:
        yield (
            f"{shown}, and SOCKS needs the package socksio: pip install socksio, unset the"
            " variable, or exempt the host in NO_PROXY"
        )


def has_port(parts: SplitResult) -> bool:
    """A port that is a number; none at all is well, too."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _holds_certificates(path: str) -> bool:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:
        return False
    return True
