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

from p2m import disk
from p2m.errors import InputError, ServiceError

Kind = Literal["model", "dataset"]
# the only form of weights that is read: it can hold nothing but numbers
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# a hub that answers at all does so in a fraction of this; without a network nobody should wait
# longer to be told
DEADLINE_S = 2.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"([\w-][\w.-]*/)?[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Pin:
    """What the hub keeps under a name: it may have moved, as `squad` has, and it has a commit."""

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
    """Whether the hub answers within *timeout_s*, whatever it says; no if HF_HUB_OFFLINE is set."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    answers: queue.Queue[bool] = queue.Queue()
    # a thread, since looking up a name can hang far beyond any timeout that one can give
    threading.Thread(target=lambda: answers.put(_answers(timeout_s)), daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return False


def _answers(timeout_s: float) -> bool:
    import httpx2
    from huggingface_hub import get_session

    try:
        return bool(get_session().head(endpoint(), timeout=timeout_s).status_code < 500)
    # ImportError: of a SOCKS proxy without socksio
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, ImportError):
        return False


def is_cached(name: str, revision: str | None) -> bool:
    """Whether the model's config and weights lie in the local cache.

    Those of the commit, or of the branch `main` as last seen.
    """
    return _cached_file(name, "config.json", revision) is not None and _has_cached_weights(
        name, revision
    )


def pin(kind: Kind, name: str, revisions: Path, commit: str | None = None) -> Pin:
    """What *name* is used at: *commit*, or the one remembered, else the newest, then remembered.

    revisions: a small JSON file, shared by all runs.
    Raises ServiceError where the hub has to be asked and cannot be.
    """
    if commit:
        return Pin(name, commit)
    revisions.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{revisions}.lock"):
        pins = _read(revisions)
        key = f"{kind}s/{name}"
        if key not in pins:
            pins[key] = _newest(kind, name)
            plain = {key: dataclasses.asdict(one) for key, one in sorted(pins.items())}
            disk.write_text(revisions, json.dumps(plain, indent=1) + "\n")
        return pins[key]


def recall(kind: Kind, name: str, revisions: Path) -> Pin | None:
    """What the file *revisions* holds for *name*, if anything; nobody is asked."""
    return _read(revisions).get(f"{kind}s/{name}")


def config_of(name: str, revision: str) -> dict[str, Any]:
    """The model's config.json at that commit, from the cache or the hub."""
    from huggingface_hub import hf_hub_download

    with _explain_errors(f"model {name}"):
        path = Path(hf_hub_download(name, "config.json", revision=revision))
        text = path.read_text(encoding="utf-8")
    try:
        return dict(json.loads(text))
    except ValueError as error:
        raise ServiceError(
            f"model {name}: its config.json at {revision} is no JSON object ({error})"
        ) from error


def has_weights(name: str, revision: str) -> bool:
    """Whether that commit has weights in a form that p2m reads: in the cache, else on the hub."""
    from huggingface_hub import HfApi

    if _has_cached_weights(name, revision):
        return True
    with _explain_errors(f"model {name}"):
        return any(HfApi().file_exists(name, file, revision=revision) for file in WEIGHTS)


def _has_cached_weights(name: str, revision: str | None) -> bool:
    return any(_cached_file(name, file, revision) for file in WEIGHTS)


def _cached_file(name: str, file: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(name, file, revision=revision)
    except HFValidationError:
        return None
    # it may also be a note that the file is known to be absent
    return Path(path) if isinstance(path, str) else None


def _read(revisions: Path) -> dict[str, Pin]:
    if not revisions.exists():
        return {}
    try:
        entries = json.loads(revisions.read_text(encoding="utf-8"))
        return {key: Pin(**entry) for key, entry in entries.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{revisions}: is not what p2m keeps there on commits ({error}); restore it, or delete"
            " it to begin anew"
        ) from error


def _newest(kind: Kind, name: str) -> Pin:
    if not reachable():
        if kind == "model":
            config = _cached_file(name, "config.json", None)
            if config:
                return Pin(name, config.parent.name)  # the cache files snapshots by commit
        raise ServiceError(
            f"{kind} {name}: the hub does not answer ({endpoint()}) and no copy lies in the local"
            " cache"
        )
    from huggingface_hub import HfApi

    with _explain_errors(f"{kind} {name}"):
        info = HfApi().dataset_info(name) if kind == "dataset" else HfApi().model_info(name)
        return Pin(str(info.id), str(info.sha))


@contextlib.contextmanager
def _explain_errors(what: str) -> Iterator[None]:
    """The hub's errors become one ServiceError that names the thing asked for."""
    import httpx2
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except (EntryNotFoundError, httpx2.HTTPError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0][:200]
        if isinstance(error, GatedRepoError):
            fault = (
                "the hub gives it only to those who accepted its terms; accept them there and set"
                " HF_TOKEN"
            )
        elif isinstance(error, RepositoryNotFoundError):
            fault = f"{endpoint()} has none of that name, or it is private (then set HF_TOKEN)"
        elif isinstance(error, EntryNotFoundError):
            fault = f"the hub lacks a file of it ({reason})"
        else:
            fault = f"{endpoint()} did not give it ({reason})"
        raise ServiceError(f"{what}: {fault}") from error
