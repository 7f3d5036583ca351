"""A streamer that comes again while its room has a publisher: the room is its own at once, and the viewers stay."""

import time

from e2e.players import Players
from e2e.product import wait_until

DECODED_MS = 1000


def test_viewers_stay_when_another_publisher_takes_their_room(product, publish, browser, room, clip, clock_clip):
    first = publish(product, room, clip=clock_clip)
    players = Players(browser, product, room)
    with players.watching("viewer"):
        before = players.wait_for_frames("viewer")
        assert before.video["frameWidth"] == 640
        time.sleep(1)
        posted = players.now()
        second = publish(product, room, clip=clip)
        # The same connection shows the other picture, of another size.
        wait_until(
            lambda: (players.look("viewer").video.get("frameWidth") == 1280), 10, "the second picture", interval=0.05)
        # FFmpeg does not hear that it was told to go; nobody hears what it still sends.
        first.kill()
        assert second.process.poll() is None
        time.sleep(3)
        after = players.look("viewer", since=posted)
        times = [at for at, _ in after.frames]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        told = f"longest gap {max(gaps):.0f} ms, last frames {gaps[-10:]}, {after.video}"
        print(f"takeover: no picture for {max(gaps):.0f} ms; {after.video['freezeCount']} freezes")
        # FFmpeg sends its first keyframe right after its handshake: from the last frame of the one to the first of
        # the other there is little more than what a decoder takes.
        assert max(gaps) < DECODED_MS, told
        assert after.steps_back == 0, told
        rooms = [entry for entry in product.rooms() if entry["name"] == room]
        assert [(entry["viewer_count"], entry["width"]) for entry in rooms] == [(1, 1280)], rooms
        assert len(product.sessions()) == 2
