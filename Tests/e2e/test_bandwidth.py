"""A browser that publishes finds out how much its path carries."""

import time

import pytest

from e2e.product import wait_until

FILL = """
(async (token, room) => {
  document.getElementById("token").value = token;
  document.getElementById("room").value = room;
  document.getElementById("form").requestSubmit();
  return true;
})(...given)
"""

SENDING = """
(async () => {
  const reports = [...(await pc.getStats()).values()];
  const video = reports.find(report => report.type === "outbound-rtp" && report.kind === "video") ?? {};
  const pair = reports.find(report => report.type === "candidate-pair" && report.nominated) ?? {};
  return {
    width: video.frameWidth ?? 0, height: video.frameHeight ?? 0, target: video.targetBitrate ?? 0,
    limit: video.qualityLimitationReason, available: pair.availableOutgoingBitrate ?? 0,
  };
})()
"""

# Chromium begins with 300 kbit/s and a small picture. Told of each packet, it knows of more than 1 Mbit/s after half a
# second; by losses alone, as without feedback, it takes 17 s.
KNOWN_SECONDS = 5
# Then its scaler takes a step of the picture's size every 2 to 4 s: measured 14 s (2026-11-21).
FULL_SECONDS = 25


def test_chromium_comes_to_its_full_picture(product, browser, room):
    page = browser.open(f"{product.url}/publish")
    wait_until(lambda: page.evaluate("document.readyState === 'complete'"), 5, "the page is loaded")
    page.evaluate(f"await {FILL}", product.token, room)
    product.wait_for_publisher()

    began, seen = time.monotonic(), []
    while time.monotonic() - began < FULL_SECONDS:
        seen.append(page.evaluate(f"await {SENDING}") | {"at": round(time.monotonic() - began, 1)})
        if seen[-1]["available"] > 1_000_000 and (seen[-1]["width"], seen[-1]["height"]) == (1280, 720):
            break
        time.sleep(0.25)
    story = "\n".join(map(str, seen))
    print(story)

    known = [look["at"] for look in seen if look["available"] > 1_000_000]
    assert known and known[0] <= KNOWN_SECONDS, story
    if seen[-1]["width"] < 1280 and seen[-1]["limit"] == "cpu":
        pytest.skip("the path is found out, but this machine is too slow to encode 1280x720")
    assert (seen[-1]["width"], seen[-1]["height"]) == (1280, 720), story

    page.evaluate("document.getElementById('start').click()")
    wait_until(lambda: not product.sessions(), 3, "the button ends the broadcast")
