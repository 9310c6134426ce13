"""Sends recorded runs of W&B: a program of its own, `python -m p2m.tracker._send <folder>`, with the key in WANDB_API_KEY."""

import os
import sys
import urllib.error
import urllib.request

ANSWER_S = (
    3.0  # seconds a server has to say anything at all; W&B itself would try a dead one for minutes
)


def main() -> None:
    address = os.environ.get("WANDB_BASE_URL", "")
    if address and not address.startswith(("https://", "http://")):
        sys.exit(f"WANDB_BASE_URL must begin with https:// or http://, got {address!r}")

    import wandb
    from wandb.cli import cli

    address = address or wandb.Settings().base_url
    if not _answers(address):
        sys.exit(f"no answer from {address} within {ANSWER_S:.0f} s")
    cli.sync.main([sys.argv[1]])


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=ANSWER_S).close()  # noqa: S310  # the scheme was looked at above
    except urllib.error.HTTPError:
        return True  # it speaks, whatever it says
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
