"""The process that serves a GGUF model.  It ends when the one that started it does.

A script for `python -P`: it imports nothing of p2m.  Arguments: the process that started it,
model, port, threads, tokens in all, requests at once, and llama-server's path or nothing.
"""

import ctypes
import os
import signal
import sys

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    parent, model, port, threads, tokens, slots, binary = argv
    _end_with(int(parent))
    if binary:
        options = {"-m": model, "--host": HOST, "--port": port, "-t": threads}
        options |= {"-c": tokens, "-np": slots}
        words = [word for option in options.items() for word in option]
        os.execv(binary, [binary, *words])  # noqa: S606 - the signal outlives it
    _serve(model, int(port), int(threads), int(tokens), int(slots))


def _end_with(parent: int) -> None:
    """Has the kernel kill us when *parent* is gone, however it went (Linux)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it went before that
        sys.exit(1)


def _serve(model: str, port: int, threads: int, tokens: int, slots: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = [HOST], port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_ctx, params.n_parallel = tokens, slots
    params.cache_ram_mib = 0  # 8 GiB of old prompts by default, where ours all begin alike
    params.ui = params.warmup = False  # a second of a large model's start
    server = xllamacpp.Server(params)
    sys.stdin.buffer.read()  # until who started us closes it, on any system
    del server
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
