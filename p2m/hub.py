"""Where the Hugging Face hub is, whether it answers, and which commit was met there."""

import contextlib
import dataclasses
import json
import queue
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from p2m.errors import InputError, ServiceError

Kind = Literal["model", "dataset"]
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
)  # the only form that is read: it can hold nothing but numbers
DEADLINE_S = 2.0  # a hub that answers at all does so in a fraction of this; without a network nobody should wait longer to be told
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"([\w-][\w.-]*/)?[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Pin:
    """What the hub keeps under a name: it may have moved (`squad` is now `rajpurkar/squad`), and it has a commit."""

    name: str
    commit: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"no name of the hub: {self.name[:80]!r}")
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError(f"no commit, which has 40 characters of 0-9 a-f: {self.commit[:80]!r}")


def endpoint() -> str:
    """The hub's address: the variable HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def reachable(timeout_s: float = DEADLINE_S) -> bool:
    """Whether the hub answers within *timeout_s*, whatever it says.  False where HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    heard: queue.Queue[bool] = queue.Queue()
    # a thread, since looking up a name can hang far beyond any timeout that one can give
    threading.Thread(target=lambda: heard.put(_answers(timeout_s)), daemon=True).start()
    try:
        return heard.get(timeout=timeout_s)
    except queue.Empty:
        return False


def _answers(timeout_s: float) -> bool:
    import httpx2
    from huggingface_hub import get_session

    try:
        return bool(get_session().head(endpoint(), timeout=timeout_s).status_code < 500)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        return False


def cached(name: str, revision: str | None) -> bool:
    """Whether the model's config and weights lie in the local cache: those of the commit, or of the branch `main` as last seen."""
    return _cached(name, "config.json", revision) is not None and any(
        _cached(name, file, revision) for file in WEIGHTS
    )


def pinned(kind: Kind, name: str, met: Path) -> Pin:
    """The commit that *name* is used at: the one that *met* remembers, else the newest of the hub, which *met* then remembers.

    met: a small JSON file, shared by all runs.  Raises ServiceError where the hub has to be asked and cannot be.
    """
    met.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{met}.lock"):
        known = _remembered(met)
        key = f"{kind}s/{name}"
        if key not in known:
            known[key] = _newest(kind, name)
            part = met.with_name(f"{met.name}.part")
            plain = {k: dataclasses.asdict(pin) for k, pin in sorted(known.items())}
            part.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
            part.replace(met)
        return known[key]


def remembered(kind: Kind, name: str, met: Path) -> Pin | None:
    """What *met* holds for *name*, if anything; nobody is asked."""
    return _remembered(met).get(f"{kind}s/{name}")


def config_of(name: str, revision: str) -> dict[str, Any]:
    """The model's config.json at that commit, from the cache or the hub."""
    from huggingface_hub import hf_hub_download

    with _told(f"model {name}"):
        text = Path(hf_hub_download(name, "config.json", revision=revision)).read_text(
            encoding="utf-8"
        )
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise ServiceError(
            f"model {name}: its config.json at {revision} is no JSON object ({error})"
        ) from error


def weighted(name: str, revision: str) -> bool:
    """Whether that commit has weights in a form that p2m reads: in the cache, else on the hub."""
    if any(_cached(name, file, revision) for file in WEIGHTS):
        return True
    from huggingface_hub import HfApi

    with _told(f"model {name}"):
        return any(HfApi().file_exists(name, file, revision=revision) for file in WEIGHTS)


def _cached(name: str, file: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, file, revision=revision)
    except HFValidationError:
        return None
    return (
        Path(found) if isinstance(found, str) else None
    )  # it may also be a note that the file is known to be absent


def _remembered(met: Path) -> dict[str, Pin]:
    if not met.exists():
        return {}
    try:
        return {
            key: Pin(**entry) for key, entry in json.loads(met.read_text(encoding="utf-8")).items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{met}: is not what p2m keeps there on commits ({error}); restore it, or delete it to begin anew"
        ) from error


def _newest(kind: Kind, name: str) -> Pin:
    if not reachable():
        here = _cached(name, "config.json", None) if kind == "model" else None
        if here:
            return Pin(name, here.parent.name)  # the cache files snapshots by commit
        raise ServiceError(
            f"{kind} {name}: the hub does not answer ({endpoint()}) and no copy lies in the local cache"
        )
    from huggingface_hub import HfApi

    with _told(f"{kind} {name}"):
        info = HfApi().dataset_info(name) if kind == "dataset" else HfApi().model_info(name)
        return Pin(str(info.id), str(info.sha))


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """The hub's errors become one ServiceError that names the thing asked for."""
    import httpx2
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ServiceError(
            f"{what}: the hub gives it only to those who accepted its terms; accept them there and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ServiceError(
            f"{what}: {endpoint()} has none of that name, or it is private (then set HF_TOKEN)"
        ) from error
    except EntryNotFoundError as error:
        raise ServiceError(
            f"{what}: the hub lacks a file of it ({str(error).splitlines()[0][:200]})"
        ) from error
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise ServiceError(
            f"{what}: {endpoint()} did not give it ({str(error).splitlines()[0][:200]})"
        ) from error
