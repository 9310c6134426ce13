"""`p2m doctor`: what this machine can do, and what it lacks."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from p2m import __version__, config, hub, network
from p2m.student import machine
from p2m.text.printable import printable
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
# a student of 250 M parameters: up to three checkpoints of 3 GB lie there, and the best weights
LOW_DISK_GIB = 12
Line = tuple[str, str]


def main(argv: list[str]) -> int:
    """Prints a table of facts, always with exit code 0; UsageError for any argument but --help."""
    about = "Says what this machine can do and what it lacks; changes nothing."
    Arguments(prog="p2m doctor", description=about).parse_args(argv)
    table = Table(show_header=False, box=None, pad_edge=False)
    parts = (_computer, _gpus, _hub, _network, _disk, _keys, _packages, _extras)
    with ThreadPoolExecutor() as pool:  # the hub may take its seconds while torch is imported
        for lines in pool.map(lambda part: list(part()), parts):
            for line in lines:
                table.add_row(*map(printable, line))
    Console(highlight=False, markup=False).print(table)
    return 0


def _computer() -> Iterator[Line]:
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield "p2m", f"{__version__} on {python}"
    threads = os.cpu_count() or 1
    yield "cores", f"{machine.cores()} physical for this process, {threads} logical in all"
    yield "memory", memory()
    has_bf16 = machine.cpu_has_bf16()
    yield "bf16 on the CPU", "in hardware" if has_bf16 else "no: training on the CPU uses fp32"


def memory(meminfo: Path = Path("/proc/meminfo")) -> str:
    """Total and free, as the kernel says."""
    if not meminfo.exists():
        return "unknown on this system"
    kib = dict(re.findall(r"^(\w+):\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE))
    total, free = (int(kib[name]) / 2**20 for name in ("MemTotal", "MemAvailable"))
    return f"{total:.1f} GiB, {free:.1f} GiB of it free"


def _gpus() -> Iterator[Line]:
    try:
        import torch
    except ImportError as error:
        yield "GPU", f"unknown: torch cannot be imported ({error})"
        return
    if not torch.cuda.is_available():
        version = torch.__version__
        yield "GPU", f"none that torch {version} can use: trainer=default trains on the CPU"
    for i in range(torch.cuda.device_count()):
        yield "GPU", gpu(torch.cuda.get_device_properties(i))


def gpu(device: Any) -> str:
    """Name, memory, and whether bf16 is in hardware: since compute capability 8.0, Ampere."""
    bf16 = "bf16" if device.major >= 8 else "no bf16"
    return f"{device.name}, {device.total_memory / GIB:.0f} GiB, {bf16} in hardware"


def _hub() -> Iterator[Line]:
    state = "answers"
    if not hub.reachable(HUB_S):
        state = f"no answer within {HUB_S:.0f} s: model=byt5_nano and local data need none"
    yield "hub", f"{hub.endpoint()}: {state}"


def _network() -> Iterator[Line]:
    """What the environment says about the way to other hosts, and what is wrong with it."""
    lines = []
    for url in (hub.endpoint(), "https://api.openai.com/v1"):
        way = network.describe_proxy(url)
        if way:
            lines.append(f"{way.removeprefix(' through ')}: stands before {url}")
        lines += network.find_faults(url)
    for line in dict.fromkeys(lines):
        yield "network", line


def _disk() -> Iterator[Line]:
    yield "disk", disk(Path(str(OmegaConf.load(config.CONF / "config.yaml").store)))


def disk(store: Path) -> str:
    """Free space at *store*, or at the nearest folder above it that exists."""
    store_or_above = (store.absolute(), *store.absolute().parents)
    folder = next(place for place in store_or_above if place.exists())
    free = shutil.disk_usage(folder).free / GIB
    line = f"{free:.1f} GiB free for the store ({store})"
    if free < LOW_DISK_GIB:
        line += "; little for a large student, give another folder with store=..."
    if not os.access(folder, os.W_OK):
        line += "; NOT writable, give another folder with store=..."
    return line


def _keys() -> Iterator[Line]:
    """Variables that options name, by whether they are set: the value is never read out."""
    users = {"HF_TOKEN": ["gated models and data of the hub"]}
    for path in sorted(config.CONF.glob("*/*.yaml")):
        settings: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        for name, variable in settings.items():
            if str(name).endswith("_env") and variable:
                users.setdefault(variable, []).append(f"{path.parent.name}={path.stem}")
    for variable, names in sorted(users.items()):
        state = "set" if os.environ.get(variable) else "not set"
        yield f"${variable}", f"{state}; for {', '.join(names)}"


def _packages() -> Iterator[Line]:
    yield "packages", ", ".join(f"{name} {_version(name) or 'MISSING'}" for name in PACKAGES)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> Iterator[Line]:
    try:
        needs = importlib.metadata.requires("p2m") or []
    except importlib.metadata.PackageNotFoundError:
        yield "extras", f"unknown: p2m is not installed for {sys.executable}"
        return
    yield from extras(needs)


def extras(needs: list[str]) -> Iterator[Line]:
    """Optional parts of p2m, by *needs* as its own metadata has them."""
    missing: dict[str, list[str]] = {}
    for need in needs:
        part = re.fullmatch(r"([\w.-]+).*extra == ['\"](\w+)['\"]", need)
        if part:
            package, extra = part.groups()
            missing.setdefault(extra, []).extend([] if _version(package) else [package])
    for extra, packages in missing.items():
        cure = f"lacks {', '.join(packages)}: pip install 'p2m[{extra}]'"
        yield f"extra {extra}", cure if packages else "installed"
