"""What the environment says about the way to a server."""

import socket

import pytest

from p2m import network
from p2m.errors import ConfigError

FAR = "https://api.provider.test/v1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in (*network.VARIABLES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost/v1", "http://[::1]:1/v1", "http://127.9.9.9"],
)
def test_a_server_on_this_machine_is_never_behind_a_proxy(monkeypatch, url):
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    assert list(network.find_faults(url)) == []
    assert network.client_options(url) == {"proxy": None, "verify": False, "trust_env": False}


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        (
            "ALL_PROXY",
            "socks://127.0.0.1:9",
            (
                "the environment variable ALL_PROXY names the proxy socks://127.0.0.1:9, "
                "which begins"
                " with none of http://, https://, socks5://, socks5h://; correct or unset it"
            ),
        ),
        (
            "https_proxy",
            "http://me:hunter2@:x",
            (
                "the environment variable https_proxy names the proxy http://***@:x, which "
                "is no host"
                " with a port; correct or unset it"
            ),
        ),
        (
            "SSL_CERT_FILE",
            "/nowhere.pem",
            (
                "the environment variable SSL_CERT_FILE names /nowhere.pem, and there is no "
                "such file;"
                " unset it, or name the certificates that TLS shall trust"
            ),
        ),
        (
            "SSL_CERT_DIR",
            "/nowhere",
            (
                "the environment variable SSL_CERT_DIR names /nowhere, and there is no such folder;"
                " unset it, or name the certificates that TLS shall trust"
            ),
        ),
        (
            "SSL_CERT_FILE",
            __file__,
            f"the environment variable SSL_CERT_FILE names {__file__}, which holds no certificates",
        ),
    ],
)
def test_what_keeps_a_server_from_being_reached_names_its_variable(
    monkeypatch, variable, value, fault
):
    monkeypatch.setenv(variable, value)
    assert list(network.find_faults(FAR)) == [fault]
    with pytest.raises(ConfigError) as error:
        network.client_options(FAR)
    assert (str(error.value), error.value.code) == (fault, 64)


def test_socks_is_told_where_its_package_is_missing(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    faults = list(network.find_faults(FAR))
    if faults:  # where socksio is installed, all is well
        assert "SOCKS needs the package socksio: pip install socksio" in faults[0]


def test_a_plain_http_server_needs_no_certificates(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    assert list(network.find_faults("http://server.lan/v1")) == []


def test_the_proxy_is_that_of_the_scheme_and_shown_without_its_password(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://plain.test:1")
    monkeypatch.setenv("HTTPS_PROXY", "me:hunter2@secure.test:2")
    assert network.describe_proxy(FAR) == " through HTTPS_PROXY=http://***@secure.test:2"
    assert network.client_options(FAR)["proxy"] == "http://me:hunter2@secure.test:2"
    assert network.describe_proxy("http://server.lan") == " through HTTP_PROXY=http://plain.test:1"


@pytest.mark.parametrize("names", ["*", "provider.test", "a.b, .provider.test"])
def test_hosts_can_be_exempt(monkeypatch, names):
    monkeypatch.setenv("ALL_PROXY", "socks://x")
    monkeypatch.setenv("NO_PROXY", names)
    assert network.find_proxy(FAR) is None


def test_networks_can_be_exempt(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:1")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    assert network.find_proxy("http://10.1.2.3:8000/v1") is None
    assert network.find_proxy("http://11.1.2.3:8000/v1") is not None


def test_silence_is_told_and_a_listener_is_not(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert network.find_silence(url) is None
    assert network.find_silence(url) == "Connection refused"
    assert network.find_silence(url.replace("http", "https")) == "Connection refused"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert network.find_silence(FAR) is None, "a proxy finds the way"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_does_not_resolve_is_told(scheme):
    assert network.find_silence(f"{scheme}://nowhere.invalid/v1")
