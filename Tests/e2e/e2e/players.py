"""Viewers side by side in one page of Chromium, and what two looks at one of them tell."""

import contextlib
import dataclasses
import statistics

from .product import Product, wait_until
from .publishers import CLOCK_FRAMES, FRAME_RATE

# A page that does nothing by itself.
_EMPTY = "/health"


class Players:
    """Viewers by name; those that are left over end with the page.

    With a port of the server the page is the product's own player, which goes there, and is a viewer called "page".
    """

    def __init__(self, browser, product: Product, room: str, port: int | None = None):
        path = f"/watch/{room}#port={port}" if port else _EMPTY
        self.page = browser.open(product.url + path, "players.js")
        self.url = f"{product.url}/whep/{room}"

    def watch(self, name: str, port: int | None = None):
        """Joins; of the server's addresses those with `port` are used, if one is given."""
        self.page.evaluate("await e2e.watch(...given)", name, self.url, {"port": port})

    def leave(self, name: str):
        assert self.page.evaluate("await e2e.leave(...given)", name) == 200

    def look(self, name: str, since: float = 0) -> "Look":
        return Look(self.page.evaluate("await e2e.look(...given)", name, since))

    def looks(self, *names: str, since: float = 0) -> list["Look"]:
        """The same moment of several."""
        return [Look(facts) for facts in self.page.evaluate("await e2e.looks(...given)", names, since)]

    def now(self) -> float:
        """The page's clock, ms."""
        return self.page.evaluate("performance.now()")

    def wait_for_frames(self, name: str, seconds: float = 10) -> "Look":
        def seen():
            look = self.look(name)
            return look if look.frames else None

        return wait_until(seen, seconds, f"{name} has a picture", interval=0.1)

    @contextlib.contextmanager
    def watching(self, name: str, port: int | None = None):
        self.watch(name, port)
        try:
            yield
        finally:
            self.leave(name)


@dataclasses.dataclass
class Look:
    """What was known of one viewer at a moment; times are the page's, ms."""

    facts: dict

    @property
    def at(self) -> float:
        return self.facts["at"]

    @property
    def video(self) -> dict:
        return self.facts["video"] or {}

    @property
    def frames(self) -> list[tuple[float, int | None]]:
        """When each frame was shown, and its number."""
        return [(at, number) for at, number, _ in self.facts["frames"]]

    @property
    def first_frame_ms(self) -> float:
        """From the POST to the first picture."""
        return self.facts["firstFrameAt"] - self.facts["postAt"]

    @property
    def steps_back(self) -> int:
        """Frames that were shown though they, or one after them, had been.

        By their timestamps: what the canvas reads may be the next frame already.
        """
        times = [timestamp for _, _, timestamp in self.facts["frames"]]
        return sum(1 for before, after in zip(times, times[1:]) if not 0 < (after - before) % 2**32 < 2**31)

    @property
    def standing_ms(self) -> float:
        """How long the picture has stood, if it is a freeze that Chromium will count when it ends."""
        since = self.at - max((at for at, _ in self.frames), default=0)
        return since if since > 1000 / FRAME_RATE + 150 else 0

    @property
    def longest_gap_ms(self) -> float:
        times = [at for at, _ in self.frames]
        return max((after - before for before, after in zip(times, times[1:])), default=0)


def lag_ms(viewer: Look, reference: Look, begin: float, end: float) -> float:
    """How much later the viewer shows what the reference shows: the median of the frames between two moments."""
    shown = {number: at for at, number in reference.frames if number is not None}
    lags = []
    for at, number in viewer.frames:
        if number is None or not begin <= at < end:
            continue
        if number in shown:
            lags.append(at - shown[number])
        else:
            # The nearest that the reference did show, a frame or two away.
            near = min(shown, key=lambda other: abs(_apart(number, other)), default=None)
            if near is not None:
                lags.append(at - shown[near] - _apart(number, near) * 1000 / FRAME_RATE)
    assert lags, f"no frame of both between {begin:.0f} and {end:.0f} ms: {viewer.frames[-40:]}"
    return statistics.median(lags)


def _apart(number: int, other: int) -> int:
    """Frames from the other to the number, across the end of the clip."""
    half = CLOCK_FRAMES // 2
    return (number - other + half) % CLOCK_FRAMES - half


def buffered_ms(before: Look, after: Look) -> float:
    """How long a frame was in the jitter buffer, on the average between two looks."""
    frames = after.video["jitterBufferEmittedCount"] - before.video["jitterBufferEmittedCount"]
    assert frames, f"no frame between {before.at:.0f} and {after.at:.0f} ms"
    return 1000 * (after.video["jitterBufferDelay"] - before.video["jitterBufferDelay"]) / frames
