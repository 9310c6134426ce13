"""What a model costs: given, declared free, or known from the dated list of OpenAI's prices."""

import functools
import re
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from p2m.calls.prices import FREE, Price

LISTED = Path(__file__).with_name("openai_prices.yaml")
HOST = "https://api.openai.com/"
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")  # gpt-4o-mini-2024-07-18 costs what gpt-4o-mini does


@functools.cache
def list_prices() -> dict[str, Any]:
    """{"date": ..., "models": {name: [input, output]}}."""
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.load(LISTED)))


def price_of(model: str, base_url: str, given: Price | None, *, free: bool) -> Price:
    """Raises ValueError where nobody knows the price: what is not known cannot be capped."""
    if free:
        if given is not None:
            raise ValueError("free is true and a price is given; an endpoint is one or the other")
        return FREE
    if given is not None:
        return given
    known = list_prices()["models"].get(_DATED.sub("", model))
    if known is None or not base_url.startswith(HOST):
        raise ValueError(
            f"the price of '{model}' at {base_url} is not known, so no budget could hold."
            " Give it in dollars a million tokens, teacher.price='{input: 0.4, output: 1.6}',"
            " or declare the endpoint free, teacher.free=true"
        )
    return Price(*known)
