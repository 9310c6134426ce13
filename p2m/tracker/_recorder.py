"""The process that records a run of W&B, as the run sees it: telling it something never waits."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

# of the environment, what W&B may see
PASSED_ON = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
    *("https_proxy", "http_proxy", "no_proxy"),
)


class Recorder:
    """Starts `p2m.tracker._record`, in a session of its own, where Ctrl-C does not reach it.

    A thread writes to it, so that it may take its time, or be dead.  Its settings, caches and logs
    go to a folder that is thrown away; what a later `wandb sync` needs stays in *folder*.
    """

    def __init__(self, folder: Path, key: str | None) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="p2m-wandb-", ignore_cleanup_errors=True)
        self._errors = Path(self._home.name, "errors")
        self.stages: set[str] = set()  # that gave points
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "p2m.tracker._record"],
                env=_environment(self._home.name, folder, key),
                cwd=self._home.name,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def send(self, message: dict[str, Any]) -> None:
        self._lines.put(json.dumps(message, default=str))

    def close(self, timeout_s: float) -> str | None:
        """Why W&B has not all that was sent, or None; nothing of it outlives this call."""
        self._lines.put(None)
        try:
            code = self._process.wait(timeout_s)
            errors = self._errors.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(errors) if line.strip()), f"exit code {code}")
            return last.strip() if code else None
        except subprocess.TimeoutExpired:
            return "not done within tracker.timeout_s"
        finally:
            # the group outlives its leader while a service of W&B runs
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._writer.join()
            self._home.cleanup()

    def _write(self) -> None:
        with contextlib.suppress(OSError), self._process.stdin as pipe:  # type: ignore[union-attr]
            for line in iter(self._lines.get, None):
                pipe.write(f"{line}\n".encode())
                pipe.flush()


def _environment(home: str, folder: Path, key: str | None) -> dict[str, str]:
    names = PASSED_ON if key is None else (*PASSED_ON, "WANDB_BASE_URL")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    if key is not None:
        environment["WANDB_API_KEY"] = key
    return environment | {
        "HOME": home,
        "TMPDIR": home,
        "WANDB_CONFIG_DIR": home,
        "WANDB_CACHE_DIR": home,
        "WANDB_DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
    }
