"""Which server a key may be sent to: its provider's own, or one that the user typed.

A configuration can come from somebody else.  One that names another server beside the variable of
a key would have the key sent there.
"""

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from p2m.network import is_loopback

# hosts of each provider, or what they end in
HOSTS = {
    "OPENAI_API_KEY": ("api.openai.com",),
    "AZURE_OPENAI_API_KEY": ("openai.azure.com", "cognitiveservices.azure.com"),
    "OPENROUTER_API_KEY": ("openrouter.ai",),
    "ANTHROPIC_API_KEY": ("api.anthropic.com",),
    "GEMINI_API_KEY": ("generativelanguage.googleapis.com",),
    "GOOGLE_API_KEY": ("generativelanguage.googleapis.com",),
    "MISTRAL_API_KEY": ("api.mistral.ai",),
    "GROQ_API_KEY": ("api.groq.com",),
    "DEEPSEEK_API_KEY": ("api.deepseek.com",),
    "TOGETHER_API_KEY": ("api.together.xyz",),
    "FIREWORKS_API_KEY": ("api.fireworks.ai",),
    "XAI_API_KEY": ("api.x.ai",),
    "HF_TOKEN": ("router.huggingface.co",),
}


def find_strays(at: str, node: Any, typed: Collection[str]) -> Iterator[str]:
    """A line for each component at or below *at* that would send a key where nobody said.

    typed: the settings that stand on the command line.
    """
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return
    for name, inner in node.items():
        yield from find_strays(f"{at}.{name}" if at else str(name), inner, typed)
    is_typed = not {f"{at}.base_url", f"{at}.api_key_env"}.isdisjoint(typed)
    url, variable = node.get("base_url"), node.get("api_key_env")
    if url and variable and not is_typed:
        yield from _judge(at, str(variable), str(url))


def _judge(at: str, variable: str, url: str) -> Iterator[str]:
    try:
        host = urlsplit(url).hostname or "that server"
    except ValueError:  # told by the component
        return
    if not _is_own(variable, url):
        yield (
            f"{at}.base_url: a file, not the command line, would have the key of {at}.api_key_env"
            f" sent to {host}, which is not known to be its provider; if that is meant, type"
            f" {at}.base_url=... yourself"
        )


def _is_own(variable: str, url: str) -> bool:
    if is_loopback(url):
        return True
    parts = urlsplit(url)
    host = parts.hostname or ""
    own = HOSTS.get(variable, ())
    return parts.scheme == "https" and any(host == end or host.endswith(f".{end}") for end in own)
