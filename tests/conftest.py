"""What every test may count on: no network but this machine's own, no key, no terminal."""

import os
import socket
from pathlib import Path

import pytest

from tests.doubles import QuietBar, StandInHub, make_work

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

for name in [n for n in os.environ if n.endswith(("_API_KEY", "_TOKEN"))]:
    del os.environ[name]
os.environ |= {
    "WANDB_MODE": "offline",
    "HF_HUB_OFFLINE": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "TOKENIZERS_PARALLELISM": "false",
}

_connect = socket.socket.connect


def _local_only(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else "local"
    if host not in {"127.0.0.1", "::1", "localhost", "local"}:
        raise OSError(f"a test reached for {host}: tests use no network")
    _connect(self, address)


socket.socket.connect = _local_only


@pytest.fixture
def shared() -> Path:
    """The folder of real data sets that some tests measure with; they skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real data sets are not on this machine (../shared/data)")
    return SHARED


@pytest.fixture
def bar() -> QuietBar:
    """The progress bar of `work`."""
    return QuietBar()


@pytest.fixture
def work(tmp_path, request, bar):
    """A stage's surroundings; the stage is the one whose test folder this is."""
    return make_work(tmp_path / "stage", request.path.parent.name, bar)


@pytest.fixture
def hub(tmp_path):
    """A stand-in of the hub that holds nothing yet."""
    server = StandInHub(tmp_path / "hub")
    yield server
    server.close()
