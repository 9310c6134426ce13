"""What this machine has for training and decoding."""

import gc
import os
import time
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
LOADAVG = Path("/proc/loadavg")
LOOKS = 9  # at the load, a fiftieth of a second apart: a process that comes and goes decides little
SPINS = "5000"  # turns of waiting awake: two thirds of the time on quiet cores, twice on busy ones


def cores() -> int:
    """Physical cores that this process may use: a core's second thread slows matrix products."""
    allowed = set(range(os.cpu_count() or 1))
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
    places = set()
    for block in _blocks():
        if int(block.get("processor", -1)) in allowed:
            places.add((block.get("physical id", "0"), block.get("core id", block["processor"])))
    return max(1, len(places) or len(allowed))


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that a new process can take, of the machine and of its control group; None: unknown."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    free = _count(lines, "MemAvailable:") * 1024
    group = root / "sys/fs/cgroup"
    try:
        most = int((group / "memory.max").read_text(encoding="ascii"))
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):  # no group of its own, or one without a limit ("max")
        return free
    return min(free, most - _count(lines, "anon"))  # what files fill is given back


def _count(lines: list[str], name: str) -> int:
    [words] = [line.split() for line in lines if line.split()[0] == name]
    return int(words[1])


def has_bf16(device: str) -> bool:
    """Whether *device*, cpu or cuda, multiplies bf16 in hardware."""
    import torch

    return torch.cuda.get_device_capability() >= (8, 0) if device == "cuda" else cpu_has_bf16()


def cpu_has_bf16() -> bool:
    """Whether the processor does.  Where not, bf16 is emulated and slower than fp32."""
    for block in _blocks():
        if "flags" in block:
            return not {"avx512_bf16", "amx_bf16"}.isdisjoint(block["flags"].split())
    return False


def out_of_memory(error: RuntimeError) -> bool:
    """Whether it says that memory ran out: of a GPU, or of the machine."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free() -> None:
    """Gives back what nothing uses any more, before a smaller piece of work is tried."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def share_cores() -> None:
    """Lets threads that wait for each other sleep; a value the user set stands.

    To be called before torch is loaded.  OpenMP lets them spin, and where another process wants the
    core the one that is waited for does not get it: decoding with two threads on two busy cores
    was 15 times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def quiet() -> bool:
    """Whether no other process is at work here, in most of a few looks.

    False where that cannot be told.
    """
    alone = 0
    for _ in range(LOOKS):
        time.sleep(0.02)
        try:
            running = LOADAVG.read_text(encoding="ascii").split()[3].split("/")[0]
            alone += int(running) <= 1  # this one
        except (OSError, IndexError):
            return False
    return 2 * alone > LOOKS


def _blocks() -> list[dict[str, str]]:
    """/proc/cpuinfo, one dict a logical processor; empty where there is none (macOS, Windows)."""
    if not CPUINFO.exists():
        return []
    blocks = []
    for text in CPUINFO.read_text(encoding="utf-8", errors="replace").strip().split("\n\n"):
        pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
        blocks.append({name.strip(): value.strip() for name, _, value in pairs})
    return blocks
