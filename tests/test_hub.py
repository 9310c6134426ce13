"""What p2m knows of the hub, without one; with the stand-in of the hub see tests/model and
tests/retriever."""

import json
import re

import pytest

from p2m import hub
from p2m.errors import InputError, ServiceError
from p2m.hub import Pin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_offline_setting_means_not_reachable():
    assert hub.reachable() is False  # the tests set HF_HUB_OFFLINE


def test_remembered_commit_is_used_and_nobody_asked(tmp_path):
    met = tmp_path / "met.json"
    met.write_text(json.dumps({"datasets/squad": {"name": "rajpurkar/squad", "commit": COMMIT}}))
    assert hub.pin("dataset", "squad", met) == Pin("rajpurkar/squad", COMMIT)
    assert hub.recall("dataset", "squad", met) == Pin("rajpurkar/squad", COMMIT)
    assert hub.recall("model", "squad", met) is None


def test_unknown_commit_without_a_hub_is_an_error(tmp_path):
    met = tmp_path / "deep" / "met.json"
    said = (
        f"dataset squad: the hub does not answer ({hub.endpoint()}) and no copy lies in the "
        f"local cache"
    )
    with pytest.raises(ServiceError, match=f"^{re.escape(said)}$"):
        hub.pin("dataset", "squad", met)
    assert not met.exists()


def test_nothing_is_remembered_where_no_file_is(tmp_path):
    assert hub.recall("model", "t5", tmp_path / "met.json") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "'list' object has no attribute 'items'"),
        ('{"models/a": "main"}', "must be a mapping"),
        (
            '{"models/a": {"name": "a", "commit": "main"}}',
            "no commit, which has 40 characters of 0-9 a-f: 'main'",
        ),
        (
            json.dumps({"models/a": {"name": "../a", "commit": COMMIT}}),
            "no name of the hub: '../a'",
        ),
        (
            json.dumps({"models/a": {"name": "a/b/c", "commit": COMMIT}}),
            "no name of the hub: 'a/b/c'",
        ),
    ],
)
def test_file_of_commits_that_is_not_ours_is_refused(tmp_path, text, why):
    met = tmp_path / "met.json"
    met.write_text(text)
    with pytest.raises(InputError) as error:
        hub.recall("model", "a", met)
    assert str(error.value).startswith(f"{met}: is not what p2m keeps there on commits (")
    assert why in str(error.value)
    assert str(error.value).endswith("); restore it, or delete it to begin anew")


def test_model_that_was_never_loaded_is_not_cached():
    assert hub.is_cached("nobody/nothing", None) is False
    assert hub.is_cached("no name", COMMIT) is False
