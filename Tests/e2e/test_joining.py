"""A viewer that joins in the middle of a long GOP: a picture at once, and soon the same as everybody's."""

import time

import pytest

from e2e.players import Players, buffered_ms, lag_ms
from e2e.product import wait_until
from e2e.publishers import CLOCK_GOP_SECONDS, FRAME_RATE

GOP_FRAMES = CLOCK_GOP_SECONDS * FRAME_RATE
FIRST_FRAME_MS = 300
LAG_MS = 150
GROWTH_MS = 50
# Between two pictures of the viewer beside: three times what it should be, and the machine was too slow.
CONTROL_GAP_MS = 100


def wait_for_frame(players: Players, name: str, begin: int):
    """Returns when the viewer shows the frame of a GOP, or one of the next half second."""
    def is_there():
        number = players.look(name).frames[-1][1]
        return number is not None and (number - begin) % GOP_FRAMES < FRAME_RATE // 2

    wait_until(is_there, CLOCK_GOP_SECONDS + 5, f"frame {begin} of a GOP is shown", interval=0.02)


def join(players: Players, seconds: float) -> tuple[list[str], bool, str]:
    """What is wrong with a join so many seconds after the keyframe; whether the control stood still; the figures."""
    wait_for_frame(players, "control", round(seconds * FRAME_RATE))
    with players.watching("joiner"):
        looks = [players.wait_for_frames("joiner")]
        for _ in range(5):
            time.sleep(1)
            looks.append(players.look("joiner"))
        joined = looks[0].facts["postAt"]
        control = players.look("control", since=joined - 5000)
    last = looks[-1]
    lags = {
        after: lag_ms(last, control, joined + 1000 * after, joined + 1000 * after + 500) for after in (1, 2, 3, 4)}
    buffered = [buffered_ms(*pair) for pair in zip(looks, looks[1:])]
    growth = max(buffered[1:]) - buffered[0]
    told = (
        f"{seconds} s after the keyframe: first frame after {last.first_frame_ms:.0f} ms; lag "
        + ", ".join(f"{lag:.0f} ms at {after} s" for after, lag in lags.items())
        + "; buffered " + ", ".join(f"{delay:.0f}" for delay in buffered)
        + f" ms; longest gap of the control {control.longest_gap_ms:.0f} ms")
    faults = []
    if last.first_frame_ms > FIRST_FRAME_MS:
        faults.append(f"the first frame comes {last.first_frame_ms:.0f} ms after the POST")
    if abs(lags[2]) > LAG_MS:
        faults.append(f"2 s after the POST the picture is {lags[2]:.0f} ms behind")
    if growth > GROWTH_MS:
        faults.append(f"the jitter buffer grew by {growth:.0f} ms")
    return faults, control.longest_gap_ms > CONTROL_GAP_MS, told


@pytest.mark.parametrize("seconds", [2, 5, 8])
def test_a_joiner_between_keyframes_soon_sees_what_everybody_sees(
        product, publish, browser, room, clock_clip, seconds):
    publish(product, room, clip=clock_clip)
    players = Players(browser, product, room)
    # The control begins with a keyframe that has just come: nothing was made up for.
    with players.watching("first"):
        players.wait_for_frames("first")
        wait_for_frame(players, "first", 0)
        players.watch("control")
    players.wait_for_frames("control")
    with product.control as control:
        before = control.counters()["joins_from_cache"]
    for attempt in range(3):
        faults, control_froze, told = join(players, seconds)
        print(told)
        if not faults or not control_froze:
            break
        print(f"the control stood still too; once more after: {faults}")
    players.leave("control")
    with product.control as control:
        assert control.counters()["joins_from_cache"] == before + attempt + 1
    assert not faults, told
