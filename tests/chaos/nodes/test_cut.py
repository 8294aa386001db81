"""The network is cut while a verb works on a node, in every phase; what served goes on, and `up` again converges."""

from __future__ import annotations

import pytest
from chaos.nodes.laptop import At

from zephyr_deploy.errors import DeadlineError, UnreachableError

FIRST = [
    "before connect",
    "before look",
    "before resolve",
    "before image",
    "before gateway",
    "before ready",
    "after ready",
]
REPLACING = ["before look", "before image", "before gateway", "before drain", "before ready", "after ready"]
ALWAYS = {"before image", "before ready", "before drain"}
"""Before anything of a release is touched, while the old one's requests end, and while the engine starts.

The other moments are long: before its switch the machine is as it is at ``before image``, and from its switch on
`chaos.nodes.test_killed` has a laptop leave it at the same moments.
"""


def moments(names):
    """As parameters of a test."""
    return [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.long) for name in names]


def cut(laptop, verb, moment, wish):
    """Run a verb whose cable is pulled at ``moment``, and plugged in again when it has noticed."""
    at = At(moment, laptop.node.disconnect)
    try:
        with pytest.raises((UnreachableError, DeadlineError)) as caught:
            verb(wish, listener=at)
    finally:
        assert at.met, at.seen
        laptop.node.connect()
    assert laptop.node.address in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("moment", moments(FIRST))
def test_up_completes_what_was_cut(laptop, moment):
    cut(laptop, laptop.up, moment, laptop.wish())
    result = laptop.up()
    laptop.assert_serves(result.release)
    laptop.down()
    laptop.assert_nothing_left()


@pytest.mark.parametrize("moment", moments(REPLACING))
def test_up_completes_a_replacement_that_was_cut(laptop, moment):
    old = laptop.served()
    wish = laptop.wish(1032 + 8 * REPLACING.index(moment))
    cut(laptop, laptop.redeploy, moment, wish)
    result = laptop.redeploy(wish)
    assert result.release != old
    laptop.assert_serves(result.release)
