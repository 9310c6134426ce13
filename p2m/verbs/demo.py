"""`p2m demo`: a page on this machine where a run's student answers."""

import argparse
import os
import re
from importlib.util import find_spec

from p2m import network, runs
from p2m.errors import UsageError
from p2m.verbs._arguments import Arguments


def main(argv: list[str]) -> int:
    """Serves the page until it is stopped.

    UsageError for a run that is not there or not complete, and where Gradio is not installed.
    """
    args = _parser().parse_args(argv)
    run = runs.find(args.run, "demo")
    if find_spec("gradio") is None:
        raise UsageError("p2m demo: needs Gradio, which is not installed; pip install 'p2m[demo]'")
    # the page asks no other host, and Gradio fails on a proxy or certificates that it cannot use
    for name in network.VARIABLES:
        os.environ.pop(name, None)
    from p2m.demo import page

    page.serve(run, args.port, args.allow_host, _print_address)
    return 0


def _print_address(address: str) -> None:
    print(f"{address}  (Ctrl-C ends it)", flush=True)  # noqa: T201


def _parser() -> Arguments:
    parser = Arguments(
        prog="p2m demo",
        usage="p2m demo RUN|latest [--port N] [--allow-host NAME]",
        description="A page on 127.0.0.1 where a run's student answers.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run, or latest")
    parser.add_argument(
        "--port", type=_port, help="port of the page; without it the first free one from 7860 on"
    )
    parser.add_argument(
        "--allow-host",
        type=_host,
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the page answers to beside 127.0.0.1 and localhost, as of a proxy before"
        " it; may be given several times",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to 65535, got {text!r}")
    return int(text)


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be a host's name without a port, got {text!r}")
    return text
