"""What a browser saw of a stream, and what must hold of it."""

import dataclasses
import statistics
import time

from .publishers import FRAME_RATE, GOP_SECONDS

WATCH_SECONDS = 10
# Frames that may be missing in ten seconds: the picture in flight at either end, and what the clock of the
# statistics blurs.
HANDFUL = 6
# From the POST to a picture on the screen when the keyframe is there at once: two round trips, the DTLS
# handshake, the decoder, the screen.
CONNECTING_SECONDS = 0.5
LIP_SYNC_MS = 80
# Between two pictures of the control: three times what it should be.
CONTROL_GAP_MS = 100


@dataclasses.dataclass
class Watch:
    """Two looks at the statistics of one page, some time apart."""

    before: dict
    after: dict

    def rise(self, kind: str, name: str) -> float:
        return self.after[kind][name] - self.before[kind][name]

    @property
    def seconds(self) -> float:
        return self.rise("video", "timestamp") / 1000

    @property
    def first_frame_seconds(self) -> float:
        """From the POST that was answered with 201 to the first picture."""
        post = next(post for post in reversed(self.after["posts"]) if post.get("status") == 201)
        return (self.after["firstFrameAt"] - post["at"]) / 1000

    @property
    def control_froze(self) -> bool:
        """Whether the loop inside the browser stood still: then the machine was too slow."""
        return (
            self.rise("control", "freezeCount") > 0
            or self.after["controlGap"] > CONTROL_GAP_MS
            or self.rise("control", "framesDecoded") < 0.8 * FRAME_RATE * self.seconds)

    @property
    def lip_sync_ms(self) -> float | None:
        """How much later each tone comes than its white picture: the median of the last four.

        Chromium begins with the sound some 70 ms late, since it keeps more of it in its jitter buffer, and
        moves the two together in steps.
        """
        pairs = [
            min((burst - flash for burst in self.after["bursts"]), key=abs)
            for flash in self.after["flashes"] if self.after["bursts"]
        ]
        near = [difference for difference in pairs if abs(difference) < 900]
        return statistics.median(near[-4:]) if len(near) >= 4 else None

    def faults(self, frame_rate: float = FRAME_RATE) -> list[str]:
        """Everything about the pictures and the sound that is not as promised; empty when all is well."""
        video, expected = self.after["video"], frame_rate * self.seconds
        found = []
        if self.rise("video", "framesDecoded") < expected - HANDFUL:
            found.append(f"{self.rise('video', 'framesDecoded')} frames decoded of {expected:.0f}")
        if video["freezeCount"]:
            found.append(f"{video['freezeCount']} freezes, {video['totalFreezesDuration']} s")
        if self.rise("audio", "totalAudioEnergy") <= 0:
            found.append("no sound")
        if self.after["errors"]:
            found.append(f"errors in the page: {self.after['errors']}")
        return found

    def faults_of_clip(self) -> list[str]:
        """The same, and what holds for the clip that FFmpeg publishes."""
        found, video = self.faults(), self.after["video"]
        if (video["frameWidth"], video["frameHeight"]) != (1280, 720):
            found.append(f"pictures of {video['frameWidth']}x{video['frameHeight']}")
        if self.first_frame_seconds > GOP_SECONDS + CONNECTING_SECONDS:
            found.append(f"first frame {self.first_frame_seconds:.2f} s after the POST")
        if self.lip_sync_ms is None:
            found.append(f"no lip-sync markers: {self.after['flashes']} {self.after['bursts']}")
        elif abs(self.lip_sync_ms) > LIP_SYNC_MS:
            found.append(f"the sound is {self.lip_sync_ms:.0f} ms late")
        return found

    def summary(self) -> str:
        sync = "none" if self.lip_sync_ms is None else f"{self.lip_sync_ms:.0f} ms"
        return (
            f"{self.rise('video', 'framesDecoded')} frames in {self.seconds:.2f} s, "
            f"{self.after['video']['freezeCount']} freezes, first frame after {self.first_frame_seconds:.2f} s, "
            f"sound later by {sync}, control {self.rise('control', 'framesDecoded')} frames and "
            f"{self.rise('control', 'freezeCount')} freezes, longest gap {self.after['controlGap']:.0f} ms")


def watch(page, seconds: float = WATCH_SECONDS) -> Watch:
    """Watches from the first picture on, with the control beside it."""
    deadline = time.monotonic() + 15
    while (statistics := page.statistics())["firstFrameAt"] is None:
        assert time.monotonic() < deadline, f"no picture within 15 s: {statistics}"
        time.sleep(0.1)
    # A page that plays by itself has to begin without sound.
    page.evaluate("document.querySelector('video').muted = false")
    page.start_control()
    # The control needs its first seconds for itself; pictures and sound settle meanwhile.
    while (before := page.statistics())["control"] is None or before["control"].get("framesDecoded", 0) < 30:
        assert time.monotonic() < deadline + 10, f"the control shows nothing: {before}"
        time.sleep(0.1)
    time.sleep(seconds)
    return Watch(before, page.statistics())


def watch_fairly(browser, url: str, faults) -> Watch:
    """Watches again, at most twice, when the control froze beside a faulty picture."""
    for attempt in range(3):
        page = browser.open(url)
        watched = watch(page)
        browser.close(page)
        found = faults(watched)
        print(f"{url}: {watched.summary()}")
        if not found:
            return watched
        if not watched.control_froze or attempt == 2:
            break
        print(f"the control froze too; once more after: {found}")
    raise AssertionError(f"{'; '.join(found)} ({watched.summary()})")
