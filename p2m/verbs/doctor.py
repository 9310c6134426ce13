"""`p2m doctor`: what this machine can do, and what it lacks."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from p2m import __version__, config, hub
from p2m.student import machine
from p2m.verbs._arguments import Arguments

PACKAGES = (
    "torch",
    "transformers",
    "pytorch-lightning",
    "datasets",
    "hydra-core",
    "openai",
    "sacrebleu",
    "wandb",
    "numpy",
)
HUB_S = 2.0  # seconds the hub has to answer
GIB = 2**30
LOW_DISK_GIB = 12  # a student of 250 M parameters: up to three checkpoints of 3 GB lie there, and the best weights
Line = tuple[str, str]


def main(argv: list[str]) -> int:
    """Prints a table of facts, always with exit code 0; UsageError for any argument but --help."""
    about = "Says what this machine can do and what it lacks; changes nothing."
    Arguments(prog="p2m doctor", description=about).parse_args(argv)
    table = Table(show_header=False, box=None, pad_edge=False)
    with ThreadPoolExecutor() as pool:  # the hub may take its seconds while torch is imported
        rooms = [
            pool.submit(room) for room in (_computer, _gpus, _hub, _disk, _keys, _packages, _extras)
        ]
        for name, said in (line for room in rooms for line in room.result()):
            table.add_row(name, said)
    Console(highlight=False, markup=False).print(table)
    return 0


def _computer() -> list[Line]:
    threads = os.cpu_count() or 1
    return [
        (
            "p2m",
            f"{__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        ),
        ("cores", f"{machine.cores()} physical for this process, {threads} logical in all"),
        ("memory", _memory()),
        (
            "bf16 on the CPU",
            "in hardware" if machine.cpu_has_bf16() else "no: training on the CPU uses fp32",
        ),
    ]


def _memory(meminfo: Path = Path("/proc/meminfo")) -> str:
    if not meminfo.exists():
        return "unknown on this system"
    kib = {
        name: int(amount)
        for name, amount in re.findall(r"^(\w+):\s+(\d+) kB$", meminfo.read_text(), re.M)
    }
    return f"{kib['MemTotal'] / 2**20:.1f} GiB, {kib['MemAvailable'] / 2**20:.1f} GiB of it free"


def _gpus() -> list[Line]:
    try:
        import torch
    except ImportError as error:
        return [("GPU", f"unknown: torch cannot be imported ({error})")]
    if not torch.cuda.is_available():
        return [
            (
                "GPU",
                f"none that torch {torch.__version__} can use: trainer=default trains on the CPU",
            )
        ]
    return [
        ("GPU", _gpu(torch.cuda.get_device_properties(i))) for i in range(torch.cuda.device_count())
    ]


def _gpu(device: Any) -> str:
    bf16 = (
        "bf16 in hardware" if device.major >= 8 else "no bf16 in hardware"
    )  # since compute capability 8.0, Ampere
    return f"{device.name}, {device.total_memory / GIB:.0f} GiB, {bf16}"


def _hub() -> list[Line]:
    said = (
        "answers"
        if hub.reachable(HUB_S)
        else f"no answer within {HUB_S:.0f} s: model=byt5_nano and local data need none"
    )
    return [("hub", f"{hub.endpoint()}: {said}")]


def _disk() -> list[Line]:
    return [("disk", _room(Path(str(OmegaConf.load(config.CONF / "config.yaml").store))))]


def _room(store: Path) -> str:
    """Free space at *store*, or at the nearest folder above it that exists."""
    there = next(place for place in [store.absolute(), *store.absolute().parents] if place.exists())
    free = shutil.disk_usage(there).free / GIB
    advice = (
        ""
        if free >= LOW_DISK_GIB
        else "; little for a large student, give another folder with store=..."
    )
    writable = (
        "" if os.access(there, os.W_OK) else "; NOT writable, give another folder with store=..."
    )
    return f"{free:.1f} GiB free for the store ({store}){advice}{writable}"


def _keys() -> list[Line]:
    """Variables that options name, by whether they are set: the name is said, the value never read out."""
    users: dict[str, list[str]] = {"HF_TOKEN": ["gated models and data of the hub"]}
    for option, variable in _named_keys():
        users.setdefault(variable, []).append(option)
    return [
        (f"${name}", f"{'set' if os.environ.get(name) else 'not set'}; for {', '.join(who)}")
        for name, who in sorted(users.items())
    ]


def _named_keys() -> Iterator[tuple[str, str]]:
    for path in sorted(config.CONF.glob("*/*.yaml")):
        for key, value in OmegaConf.to_container(OmegaConf.load(path), resolve=False).items():  # type: ignore[union-attr]
            if str(key).endswith("_env") and value:
                yield f"{path.parent.name}={path.stem}", str(value)


def _packages() -> list[Line]:
    return [("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "MISSING"


def _extras(
    requires: Callable[[str], list[str] | None] = importlib.metadata.requires,
) -> list[Line]:
    """Optional parts of p2m, by what its own metadata asks for."""
    try:
        needs = [
            re.fullmatch(r"([\w.-]+).*extra == ['\"](\w+)['\"]", line)
            for line in requires("p2m") or []
        ]
    except importlib.metadata.PackageNotFoundError:
        return [("extras", f"unknown: p2m is not installed for {sys.executable}")]
    extras: dict[str, list[str]] = {}
    for name, extra in (need.groups() for need in needs if need):
        extras.setdefault(extra, []).append(name)
    return [
        (f"extra {extra}", _extra(extra, [name for name in names if _version(name) == "MISSING"]))
        for extra, names in extras.items()
    ]


def _extra(extra: str, missing: list[str]) -> str:
    return f"lacks {', '.join(missing)}: pip install 'p2m[{extra}]'" if missing else "installed"
