"""What is pinned for everybody, and the same with hashes for who wants them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()


def pins(text: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, re.MULTILINE)
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in found}


def test_the_lock_and_the_constraints_agree_on_every_version():
    locked, constrained = pins(LOCK), pins((ROOT / "constraints.txt").read_text())
    assert {name: constrained.get(name) for name in locked} == locked
    assert "torch" not in locked, "its builds differ by machine"


def test_every_locked_package_has_its_hashes_and_no_address():
    packages = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(packages) == len(pins(LOCK)) > 100
    for package in packages:
        assert re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", package), package[
            :80
        ]


def test_what_p2m_needs_is_locked():
    needs = re.findall(r'^  "([\w.-]+)[^"]*",', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert {name.lower().replace("_", "-") for name in needs} - {"torch"} <= pins(LOCK).keys()
