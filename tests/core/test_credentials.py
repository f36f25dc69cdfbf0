"""core/credentials.py: one or two proofs, given or named by the environment, and what is refused before it is sent."""

import functools
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from aidial_min import ConfigurationError, InvalidRequestError
from aidial_min.core.credentials import SecretFile, credentials_of, read_credentials


def key_function() -> str:
    return "from-function"


async def key_coroutine() -> str:
    return "from-coroutine"


class KeyHolder:
    def __call__(self) -> str:
        return "from-object"

    async def later(self) -> str:
        return "from-method"


class AsyncKeyHolder:
    async def __call__(self) -> str:
        return "from-async-object"


class TestGiven:
    def test_one_or_both(self) -> None:
        assert read_credentials("key", None, False) == (("api_key", "key"),)
        assert read_credentials(None, "token", False) == (("bearer_token", "token"),)
        assert read_credentials("key", "token", False) == (("api_key", "key"), ("bearer_token", "token"))
        assert read_credentials(None, None, False) == ()

    def test_an_empty_one_beside_another_counts_as_none(self) -> None:
        assert read_credentials("key", "", False) == (("api_key", "key"),)
        assert read_credentials("", "token", False) == (("bearer_token", "token"),)

    @pytest.mark.parametrize("given", [("", None), (None, " "), ("", "")])
    def test_an_empty_one_alone_is_refused(self, given: Any) -> None:
        with pytest.raises(ConfigurationError, match="is empty"):
            read_credentials(*given, False)

    @pytest.mark.parametrize("value", [key_function, lambda: "x", KeyHolder(), functools.partial(key_function)])
    def test_callables(self, value: Any) -> None:
        for coroutines in (False, True):
            assert read_credentials(value, None, coroutines) == (("api_key", value),)

    @pytest.mark.parametrize(
        "value", [key_coroutine, KeyHolder().later, functools.partial(key_coroutine), AsyncKeyHolder()]
    )
    def test_coroutine_functions_are_for_the_async_client(self, value: Any) -> None:
        assert read_credentials(value, None, True) == (("api_key", value),)
        with pytest.raises(ConfigurationError, match="coroutine function.*AsyncDial"):
            read_credentials(value, None, False)

    @pytest.mark.parametrize("value", [5, b"key", ["key"]])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="bearer_token must be a str or a callable"):
            read_credentials("key", value, False)


class TestHeader:
    def test_blanks_around_are_stripped(self) -> None:
        (key, token) = read_credentials(" key \n", "\ttoken", False)
        assert key.header(key.value.text) == ("Api-Key", "key")
        assert token.header(token.value.text) == ("Authorization", "Bearer token")

    @pytest.mark.parametrize("returned", [None, 5, b"key", ["key"]])
    def test_what_a_callable_returns_must_be_a_str(self, returned: Any) -> None:
        (credential,) = read_credentials(key_function, None, False)
        with pytest.raises(InvalidRequestError, match="api_key must be a str"):
            credential.header(returned)

    @pytest.mark.parametrize("returned", ["", " ", "open\nsesame", "sesame\u0444"])
    def test_and_one_that_can_travel(self, returned: str) -> None:
        (credential,) = read_credentials(key_function, None, False)
        with pytest.raises(InvalidRequestError) as caught:
            credential.header(returned)
        assert "sesame" not in str(caught.value)

    @pytest.mark.parametrize("token", ["Bearer sesame", "bearer sesame", " BEARER sesame"])
    def test_a_token_with_the_word_bearer_is_refused_with_a_hint(self, token: str) -> None:
        with pytest.raises(ConfigurationError, match="leave the word Bearer out") as caught:
            read_credentials(None, token, False)
        assert "sesame" not in str(caught.value)


class TestEnvironment:
    def test_values(self) -> None:
        assert credentials_of({"DIAL_API_KEY": "key"}) == {"api_key": "key"}
        assert credentials_of({"DIAL_BEARER_TOKEN": "token"}) == {"bearer_token": "token"}
        both = {"DIAL_API_KEY": "key", "DIAL_BEARER_TOKEN": "token", "OTHER": "x"}
        assert credentials_of(both) == {"api_key": "key", "bearer_token": "token"}
        assert credentials_of({"DIAL_API_KEY": ""}) == {}

    @pytest.mark.parametrize("kind, variable", [("api_key", "DIAL_API_KEY"), ("bearer_token", "DIAL_BEARER_TOKEN")])
    def test_files_are_read_whenever_they_are_asked(self, tmp_path: Path, kind: str, variable: str) -> None:
        file = tmp_path / "secret"
        file.write_text("first\n")
        found = credentials_of({variable + "_FILE": str(file)})[kind]
        assert found() == "first"
        file.write_text(" second ")
        assert found() == "second"
        assert pickle.loads(pickle.dumps(found))() == "second"

    def test_a_value_wins_over_a_file(self) -> None:
        assert credentials_of({"DIAL_API_KEY": "key", "DIAL_API_KEY_FILE": "/none"}) == {"api_key": "key"}

    def test_a_pipe_is_read_once(self) -> None:
        reading, writing = os.pipe()
        try:
            os.write(writing, b"piped")
            os.close(writing)
            path = "/dev/fd/%d" % reading
            if not os.path.exists(path):
                pytest.skip("no /dev/fd here")
            assert credentials_of({"DIAL_API_KEY_FILE": path}) == {"api_key": "piped"}
        finally:
            os.close(reading)

    @pytest.mark.parametrize(
        "content, reason", [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff", "no text")]
    )
    def test_a_file_that_gives_none_is_an_error_that_names_it(self, tmp_path: Path, content: Any, reason: str) -> None:
        file = tmp_path / "secret"
        if content is not None:
            file.write_bytes(content)
        named = {"DIAL_API_KEY_FILE": str(file)}
        for read in (SecretFile(str(file), "DIAL_API_KEY_FILE"), lambda: credentials_of(named)):
            with pytest.raises(ConfigurationError, match="DIAL_API_KEY_FILE names .*secret.*" + reason):
                read()
