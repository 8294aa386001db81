"""Host keys in what a machine has written to its console."""

import pytest
from lab.keys import make_key

from zephyr_deploy.providers.aws.hostkeys import keys_in

BEGIN, END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
FIRST, SECOND = make_key().public, make_key().public


@pytest.mark.parametrize(
    ("console", "found"),
    [
        ("", []),
        (f"{BEGIN}\r\n{FIRST} root@ip-10-0-0-1\r\n", []),
        (f"{BEGIN}\r\n{FIRST} root@ip-10-0-0-1\r\n{END}\r\n", [FIRST]),
        (f"{BEGIN}\n{FIRST} root@a\n{END}\nreboot\n{BEGIN}\n{SECOND} root@a\n{END}\n", [SECOND]),
        (f"<14>ec2: {BEGIN}\n[   12.3] cloud-init[1]: {FIRST} root@a\n<14>ec2: {END}\n", [FIRST]),
        (f"{BEGIN}\n{FIRST[:40]}\n{SECOND} root@a\n{END}\n", [SECOND]),
        (f"{FIRST} root@a\n", []),
    ],
    ids=["empty", "not whole yet", "whole", "of the last boot", "with prefixes", "a line cut", "outside of the block"],
)
def test_the_block(console, found):
    assert [f"{key.type} {key.base64}" for key in keys_in(console)] == found
