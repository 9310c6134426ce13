"""A folder of outputs as runs leave it, with a tiny random student."""

import json
from pathlib import Path

import pytest

from p2m import artifacts, disk
from p2m.artifacts import Choice, Example, Splits, Student, TaskSpec
from p2m.student import build

SIZES = {
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 16,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "num_heads": 2,
    "vocab_size": 384,
}
CHOICE = Choice(
    "scratch",
    None,
    "encoder-decoder",
    {
        "model_type": "t5",
        **SIZES,
        "decoder_start_token_id": 0,
        "pad_token_id": 0,
        "eos_token_id": 1,
    },
)
INSTRUCTION = "Say the animal.\n<script>alert(1)</script> ${1+1} {{7*7}} **bold**"


def kept(folder: Path, value) -> Path:
    part = folder.with_name("part")
    part.mkdir(parents=True)
    artifacts.save(value, part)
    disk.publish(part, folder)
    return folder


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """make_run(outputs, name) -> the run's folder, of links into a store."""
    store = tmp_path_factory.mktemp("store")
    part = store / "trainer.part"
    part.mkdir()
    base = f"package:tiny@sha256:{'0' * 64}"
    student = Student(part, base, "encoder-decoder", "", 64, 8)
    build.save(build.fresh(CHOICE, seed=1), student)
    artifacts.save(student, part)
    disk.publish(part, store / "trainer")
    demonstrations = [
        Example("a demonstration", "x", "prompt"),
        Example("test 0", "x", "prompt"),
        Example("long " * 100, "x", "prompt"),
    ]
    rooms = {
        "student": store / "trainer",
        "task": kept(store / "parser", TaskSpec(INSTRUCTION, demonstrations)),
    }
    rooms["splits"] = kept(
        store / "processor", Splits(real=[Example(f"test {i}", "x", "prompt") for i in range(100)])
    )

    def make(outputs: Path, name: str) -> Path:
        run = outputs / name
        run.mkdir(parents=True)
        for room, folder in rooms.items():
            (run / room).symlink_to(folder)
        (run / "report.json").write_text(
            json.dumps({"scores": {"exact_match": {"value": 0.931}, "chrf": {"value": 0.5}}})
        )
        return run

    return make
