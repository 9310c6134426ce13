"""The page, in Gradio: no analytics, nothing from other hosts, nothing typed is kept."""

import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from p2m import artifacts
from p2m.artifacts import Student
from p2m.components import build
from p2m.demo.gate import HOSTS, Gate
from p2m.demo.runs import Summary, check_whole, describe
from p2m.engine.parity import REFERENCE
from p2m.errors import UsageError
from p2m.stages import Decoder, Engine, Ready

HOST = HOSTS[0]
SESSIONS = 100  # that Gradio keeps the last input of
os.environ |= {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_MCP_SERVER": "False",
}
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
# The browser is told to fetch from this page's own host only, so that no library's idea of a font
# or a script leaves the machine.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:;"
    " style-src 'self' 'unsafe-inline';"
    " frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)
# Gradio's plainest theme with greys that can be read (4.5 : 1 and more)
COLOURS = {
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_400",
    "block_label_text_color": "*neutral_600",
    "block_title_text_color": "*neutral_700",
    "block_title_text_color_dark": "*neutral_300",
    "block_border_width": "0px",
    "block_background_fill": "transparent",
    "block_background_fill_dark": "transparent",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "input_border_width": "1px",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_600",
    "input_background_fill": "*neutral_50",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
    "input_radius": "*radius_lg",
}
CSS = """
.gradio-container { max-width: 46rem !important; margin: 0 auto !important; }
.gradio-container { padding: 1.5rem 1rem 3rem !important; }
#name h1 { font-size: 1.35rem; font-weight: 650; margin: 0; }
#name p, #took p { font-size: .9rem; color: var(--body-text-color-subdued); margin: .15rem 0 0; }
#took { min-height: 1.6rem; }
.gradio-container .fillable { padding: 0 !important; }
.gradio-container .form { background: none; gap: 1.1rem; overflow: visible; }
#instruction { border-radius: 0; padding: 0 0 0 .9rem !important; overflow: visible; }
#instruction { border-left: 3px solid var(--primary-500) !important; }
#instruction textarea { background: none; border: 0; padding: 0; resize: none; }
#instruction textarea { font-size: 1rem; line-height: 1.5; }
#input, #answer { padding: 0; }
#answer textarea { resize: none; font-size: 1.15rem; }
footer { display: none !important; }
"""


Answer = Callable[[str], tuple[str, str]]


def serve(
    run: Path, port: int | None, hosts: Collection[str], on_start: Callable[[str], None]
) -> None:
    """The page of *run*, until the process is stopped; on_start is given its address.

    hosts: names that it answers to beside those of this machine.  UsageError where the port is
    taken, InputError where what it needs of the run is damaged.
    """
    check_whole(run)
    student: Student = artifacts.load(Student, run / "student")
    answer = answer_with(find_engine(run).load(student, run / "report" / "engine"))
    page = _build(describe(run), student.base.partition("@")[0], answer)  # less the digest
    on_start(_launch(page, port, hosts))
    try:
        threading.Event().wait()  # Gradio's own waiting takes a signal for a success
    finally:
        page.close(verbose=False)


def find_engine(run: Path) -> Engine:
    """What answered for the report of *run*.

    Torch in float32 where nothing did, or where this machine lacks what it needs.
    """
    if not (run / "report").exists() or not (run / "config.yaml").is_file():
        return REFERENCE
    config = OmegaConf.load(run / "config.yaml")
    if "engine" not in config:
        return REFERENCE
    engine: Engine = build(OmegaConf.to_container(config.engine, resolve=True))
    if isinstance(engine, Ready) and list(engine.ready()):
        return REFERENCE
    return engine


def answer_with(decoder: Decoder) -> Answer:
    """One input to the answer and a line on how long it took."""

    def answer(text: str) -> tuple[str, str]:
        if not text.strip():
            return "", "Type an input first."
        began = time.perf_counter()
        (output,) = decoder.answers([text.strip()])  # as training examples are
        took = f"{1000 * (time.perf_counter() - began):.0f} ms"
        if not output.strip():
            took += ", the answer is empty"
        return output, took

    answer("warm up")  # the first answer pays for what later ones find ready
    return answer


def _build(summary: Summary, base: str, answer: Answer) -> Any:
    """The page as Gradio blocks.

    Whatever comes from data stands in text boxes: they show text, never markup.
    """
    import gradio as gr

    with gr.Blocks(title="p2m demo", analytics_enabled=False) as page:
        gr.Markdown(f"# p2m demo\n\n{_about(summary, base)}", elem_id="name")
        gr.Textbox(
            summary.instruction,
            label="What the model was made to do",
            interactive=False,
            lines=1,
            max_lines=10,
            elem_id="instruction",
        )
        source, button = _add_question()
        outputs = _add_answer()
        events = [button.click, source.submit]
        if summary.inputs:
            examples = gr.Examples(
                [[text] for text in summary.inputs],
                source,
                label="Inputs to try",
                api_visibility="private",
            )
            events.append(examples.load_input_event.then)
        for event in events:
            # without Gradio's queue, which one client can fill: the gate lets them in by turns
            event(
                answer,
                source,
                outputs,
                queue=False,
                api_visibility="private",
                show_progress="minimal",
            )
    return page


def _add_question() -> tuple[Any, Any]:
    """Where the input is typed, and the button."""
    import gradio as gr

    source = gr.Textbox(
        label="Input",
        placeholder="Type an input, or choose one below",
        lines=2,
        max_lines=12,
        autofocus=True,
        elem_id="input",
    )
    return source, gr.Button("Answer", variant="primary", elem_id="ask")


def _add_answer() -> list[Any]:
    """Where the answer stands, and how long it took."""
    import gradio as gr

    output = gr.Textbox(
        label="Answer",
        placeholder="The answer will stand here",
        interactive=False,
        lines=1,
        max_lines=12,
        buttons=["copy"],
        elem_id="answer",
    )
    return [output, gr.Markdown("", elem_id="took", container=False)]


def _functions(page: Any) -> dict[int, int]:
    """What *page* may call: how many examples each function chooses from, 0 where it takes text."""
    functions = {}
    for number, function in page.fns.items():
        functions[number] = len(getattr(function.inputs[0], "samples", ()))
    return functions


def _about(summary: Summary, base: str) -> str:
    """Names and figures of our own making."""
    parts = [f"run {_plain(summary.name)}", f"student {_plain(base)}", summary.scores]
    return " · ".join(filter(None, parts))


def _plain(name: str) -> str:
    """A name from outside, cut down to letters that mean nothing to Markdown."""
    return "".join(c if c.isalnum() or c in "-./" else " " for c in name)


def _launch(page: Any, port: int | None, hosts: Collection[str]) -> str:
    """The address that *page* is served at.  UsageError where the port is taken."""
    import gradio as gr
    from starlette.middleware import Middleware

    sans, mono = ([gr.themes.Font(name) for name in names] for names in (FONTS, MONO))
    gate = Middleware(Gate, hosts=hosts, functions=_functions(page))
    theme = gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=sans, font_mono=mono)
    try:
        _, address, _ = page.launch(
            server_name=HOST,
            server_port=port,
            share=False,
            inbrowser=False,
            quiet=True,
            show_error=False,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            max_file_size=0,
            state_session_capacity=SESSIONS,
            prevent_thread_lock=True,
            theme=theme.set(**COLOURS),
            css=CSS,
            app_kwargs={
                "middleware": [Middleware(_AddPolicy), gate],
                "docs_url": None,
                "redoc_url": None,
            },
        )
    except OSError as error:
        raise UsageError(
            f"p2m demo: port {port or '7860 to 7959'} of {HOST} is in use; choose another, --port N"
        ) from error
    return str(address)


class _AddPolicy:
    """ASGI middleware that adds the policy to every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message["headers"] = [*message["headers"], policy]
            await send(message)

        await self.app(scope, receive, send_with_policy)
