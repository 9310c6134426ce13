import pytest

from p2m.tracker._redact import HIDDEN, looks_secret, redact, scrub


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "HF_TOKEN",
        "clientSecret",
        "password",
        "OPENAI_API_KEY",
        "auth",
        "aws.secret-access.id",
        "APIKey",
    ],
)
def test_names_of_secrets_are_known(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name", ["api_key_env", "max_tokens", "tokenizer", "author", "keyboard", "monkey", "seed", ""]
)
def test_other_names_are_let_through(name):
    assert not looks_secret(name)


def test_whatever_stands_under_a_secrets_name_is_hidden():
    given = {
        "teacher": {
            "api_key": "abc",
            "max_tokens": 5,
            "api_key_env": "MY_KEY",
            "tokens": [{"token": ["x"]}],
            "password": None,
        }
    }
    wanted = {
        "teacher": {
            "api_key": HIDDEN,
            "max_tokens": 5,
            "api_key_env": "MY_KEY",
            "tokens": [{"token": HIDDEN}],
            "password": None,
        }
    }
    assert redact(given) == wanted


def test_figures_keep_their_names_but_not_the_environments_secrets(monkeypatch):
    monkeypatch.setenv("MY_SECRET", "canary-123")
    assert scrub({"stages": {"trainer": {"key": "a1b2"}}, "note": "canary-123"}) == {
        "stages": {"trainer": {"key": "a1b2"}},
        "note": HIDDEN,
    }


def test_a_secret_of_the_environment_is_hidden_whole_and_inside_text(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "canary-123")
    monkeypatch.setenv("HOME_PAGE", "not-secret")
    assert redact(["canary-123", "Bearer canary-123!", "not-secret"]) == [
        HIDDEN,
        f"Bearer {HIDDEN}!",
        "not-secret",
    ]


def test_a_secret_inside_another_leaves_no_rest(monkeypatch):
    monkeypatch.setenv("A_KEY", "canary-123")
    monkeypatch.setenv("B_KEY", "canary-123-and-more")
    assert scrub("x canary-123-and-more y") == f"x {HIDDEN} y"


def test_short_values_are_hidden_only_as_a_whole(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "date")
    monkeypatch.setenv("B_TOKEN", "1")
    assert scrub(["date", "a date", "1"]) == [HIDDEN, "a date", "1"]


def test_user_and_password_of_a_url_are_hidden():
    assert (
        scrub("https://me:pass@host.example/v1?at=a@b")
        == f"https://{HIDDEN}@host.example/v1?at=a@b"
    )
