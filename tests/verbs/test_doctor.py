import importlib.metadata
import time
from types import SimpleNamespace

import pytest

from p2m.errors import UsageError
from p2m.verbs import doctor


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the command prints, by the first word of each line."""
    import contextlib
    import io

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.chdir(tmp_path_factory.mktemp("here"))
        patch.setenv("COLUMNS", "400")
        patch.setenv("OPENAI_API_KEY", "canary-key")
        patch.setenv("ALL_PROXY", "htt\x1b[31mp://127.0.0.1:9\x9b")
        patch.delenv("WANDB_API_KEY", raising=False)
        began = time.monotonic()
        assert doctor.main([]) == 0
        return SimpleNamespace(text=out.getvalue(), seconds=time.monotonic() - began)


def line(printed, start: str) -> str:
    return next(line for line in printed.text.splitlines() if line.startswith(start))


def test_every_part_of_the_machine_is_told_within_seconds(printed):
    for start in (
        "p2m",
        "cores",
        "memory",
        "bf16 on the CPU",
        "GPU",
        "hub",
        "disk",
        "packages",
        "extra demo",
        "extra dev",
    ):
        assert line(printed, start)
    assert printed.seconds < 10  # 5 on a machine that does nothing else


def test_keys_are_told_by_name_and_never_by_value(printed):
    assert line(printed, "$OPENAI_API_KEY").split(None, 1)[1].startswith("set; for teacher=openai")
    assert (
        line(printed, "$WANDB_API_KEY").split(None, 1)[1].startswith("not set; for tracker=wandb")
    )
    assert "canary" not in printed.text


def test_versions_are_those_installed(printed):
    assert f"sacrebleu {importlib.metadata.version('sacrebleu')}" in line(printed, "packages")


def test_what_would_control_the_terminal_is_shown(printed):
    assert "htt\\u001b[31mp://127.0.0.1:9\\u009b" in line(printed, "network")
    assert not {"\x1b", "\x9b"} & {*printed.text}


def test_a_hub_that_is_switched_off_is_told(printed):
    assert "no answer within 2 s: model=byt5_nano and local data need none" in line(printed, "hub")


def test_looking_creates_no_folder(printed, tmp_path):
    assert doctor.disk(tmp_path / "a" / "store").endswith(
        f" GiB free for the store ({tmp_path}/a/store)"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**29))
    assert doctor.disk(tmp_path) == (
        f"0.5 GiB free for the store ({tmp_path}); little for a large student, give another "
        f"folder with store=..."
    )


def test_memory_is_read_from_the_kernel(tmp_path):
    (tmp_path / "meminfo").write_text(
        "MemTotal:       16777216 kB\nMemFree:         1 kB\nMemAvailable:    4194304 kB\n"
    )
    assert doctor.memory(tmp_path / "meminfo") == "16.0 GiB, 4.0 GiB of it free"
    assert doctor.memory(tmp_path / "absent") == "unknown on this system"


@pytest.mark.parametrize(("major", "bf16"), [(9, "bf16 in hardware"), (7, "no bf16 in hardware")])
def test_a_gpu_is_told_with_its_memory(major, bf16):
    assert (
        doctor.gpu(SimpleNamespace(name="Fine GPU", total_memory=80 * 2**30, major=major))
        == f"Fine GPU, 80 GiB, {bf16}"
    )


def test_an_extra_that_is_not_there_is_told_with_its_cure():
    needs = ["rich>=14", "no-such-package>=1; extra == 'demo'", 'pytest>=9; extra == "dev"']
    assert list(doctor.extras(needs)) == [
        ("extra demo", "lacks no-such-package: pip install 'p2m[demo]'"),
        ("extra dev", "installed"),
    ]


def test_help_says_what_it_is_for(capsys):
    with pytest.raises(SystemExit) as ended:
        doctor.main(["--help"])
    assert not ended.value.code
    about = "Says what this machine can do and what it lacks; changes nothing."
    assert about in capsys.readouterr().out


def test_an_argument_is_refused():
    with pytest.raises(
        UsageError, match=r"^p2m doctor: unrecognized arguments: --fast\nusage: p2m doctor"
    ):
        doctor.main(["--fast"])
