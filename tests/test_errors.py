import re

import pytest

from zephyr_deploy import errors
from zephyr_deploy.errors import RequestError, ZephyrError

CLASSES = [getattr(errors, name) for name in errors.__all__]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = re.findall(r"(\w+Error)\s+(\d+)", errors.__doc__)
    assert {(c.__name__, c.exit_code) for c in CLASSES} == {(name, int(code)) for name, code in drawn}
    assert len(drawn) == len(CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_carries_message_hint_and_code(kind):
    error = kind("it broke", hint="mend it")
    assert isinstance(error, ZephyrError)
    assert (str(error), error.message, error.hint) == ("it broke", "it broke", "mend it")
    assert error.code


def test_codes_tell_errors_apart():
    leaves = [c.code for c in CLASSES]
    assert len(leaves) == len(set(leaves))


def test_request_errors_keep_status_and_type():
    error = RequestError("no", status=429, error_type="overloaded")
    assert error.details == {"status": 429, "error_type": "overloaded"}
