"""What a viewer behind a bad network saw, beside one in front of it."""

import dataclasses

from .players import Look
from .publishers import FRAME_RATE

# Frames that may be missing at the two ends of a window: one under way at each, for either viewer.
_ENDS = 2


@dataclasses.dataclass
class Crossing:
    """The same window of both."""

    impaired: tuple[Look, Look]
    control: tuple[Look, Look]

    def rise(self, name: str, of: tuple[Look, Look] | None = None) -> float:
        before, after = of or self.impaired
        return after.video.get(name, 0) - before.video.get(name, 0)

    @property
    def seconds(self) -> float:
        return (self.impaired[1].at - self.impaired[0].at) / 1000

    @property
    def decoded_share(self) -> float:
        """Of the frames that the control decoded; the ends of the window are forgiven."""
        return min(1, (self.rise("framesDecoded") + _ENDS) / max(1, self.rise("framesDecoded", self.control)))

    @property
    def has_more(self) -> bool:
        """Whether more frames were decoded than there were."""
        return self.rise("framesDecoded") > self.rise("framesDecoded", self.control) + _ENDS

    @property
    def frozen_share(self) -> float:
        standing = min(self.seconds, self.impaired[1].standing_ms / 1000)
        return (self.rise("totalFreezesDuration") + standing) / self.seconds

    @property
    def control_froze(self) -> bool:
        """Then the machine was too slow, and the window says nothing."""
        return (
            self.rise("freezeCount", self.control) > 0
            or self.rise("framesDecoded", self.control) < 0.98 * FRAME_RATE * self.seconds - _ENDS)

    @property
    def buffered_ms(self) -> float:
        return 1000 * self.rise("jitterBufferDelay") / max(1, self.rise("jitterBufferEmittedCount"))

    def summary(self) -> str:
        rises = ", ".join(
            f"{self.rise(name):.0f} {name}" for name in (
                "framesDropped", "packetsLost", "packetsDiscarded", "nackCount", "retransmittedPacketsReceived",
                "pliCount", "keyFramesDecoded", "freezeCount"))
        return (
            f"{100 * self.decoded_share:.1f} % of {self.rise('framesDecoded', self.control):.0f} frames in "
            f"{self.seconds:.1f} s, frozen for {100 * self.frozen_share:.1f} %, {rises}, "
            f"{self.buffered_ms:.0f} ms in the jitter buffer; control: "
            f"{self.rise('freezeCount', self.control):.0f} freezes, "
            f"{self.rise('framesDropped', self.control):.0f} framesDropped, "
            f"longest gap {self.control[1].longest_gap_ms:.0f} ms")
