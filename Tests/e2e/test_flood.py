"""Floods of forged datagrams, at rates well inside of what one core takes; `tools/flood` has the full ones."""

import dataclasses

import pytest

from e2e.flooding import Flood, measure, row
from e2e.namespaces import Namespaces, are_possible


@pytest.mark.parametrize(
    "flood",
    [
        Flood("STUN of nobody's ufrag", "stun", 40_000),
        Flood("STUN of a session's ufrag", "integrity", 20_000),
        Flood("all together", "mix", 20_000, "viewers"),
        Flood("SRTP of the publisher", "srtp", 10_000, "publisher"),
    ],
    ids=lambda flood: flood.kind)
def test_flood_costs_viewers_nothing_and_is_not_answered(binaries, flood):
    if reason := are_possible():
        pytest.skip(reason)
    with Namespaces() as namespaces:
        outcome = measure(namespaces, binaries, flood, seconds=3, viewers=5, joiners=5)
    told = f"{row(outcome)}\n{dataclasses.asdict(outcome)}"
    # Who is to be flooded has to be: the machine is shared.
    assert outcome.rate >= flood.rate / 4, told
    assert outcome.loss <= 0.1, told
    assert (outcome.packets_out, outcome.octets_out) == (0, 0), told
    assert outcome.growth <= 1024, told
    assert outcome.joins == outcome.joins_wanted, told
