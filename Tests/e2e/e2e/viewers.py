"""Viewers that are no browser: aiortc, and our own load tool."""

import asyncio
import dataclasses
import json
import subprocess

import aiohttp
import numpy
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError


@dataclasses.dataclass
class Watched:
    """What one viewer got."""

    frames: int = 0
    size: tuple[int, int] = (0, 0)
    audio_frames: int = 0
    audio_peak: float = 0
    delete_status: int = 0


async def _watch_video(track, watched: Watched):
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        watched.frames += 1
        watched.size = (frame.width, frame.height)


async def _listen(track, watched: Watched):
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        watched.audio_frames += 1
        samples = frame.to_ndarray()
        watched.audio_peak = max(watched.audio_peak, float(numpy.abs(samples.astype(float)).max()) / 32768)


async def watch_with_aiortc(whep_url: str, seconds: float) -> Watched:
    """Watches for `seconds` from the first frame on and leaves with a DELETE."""
    watched = Watched()
    connection = RTCPeerConnection()
    tasks = []

    @connection.on("track")
    def _(track):
        handler = _watch_video if track.kind == "video" else _listen
        tasks.append(asyncio.ensure_future(handler(track, watched)))

    connection.addTransceiver("audio", direction="recvonly")
    connection.addTransceiver("video", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    async with aiohttp.ClientSession() as http:
        offer = connection.localDescription.sdp
        async with http.post(whep_url, data=offer, headers={"Content-Type": "application/sdp"}) as response:
            answer = await response.text()
            assert response.status == 201, f"{response.status} {answer}"
            session = response.url.join(aiohttp.client.URL(response.headers["Location"]))
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for _ in range(100):
            if watched.frames:
                break
            await asyncio.sleep(0.1)
        first = watched.frames
        await asyncio.sleep(seconds if first else 0)
        watched.frames -= first
        async with http.delete(session) as response:
            watched.delete_status = response.status
    await connection.close()
    for task in tasks:
        task.cancel()
    return watched


def watch_with_load_tool(program: str, whep_url: str, viewers: int, seconds: int, *options: str) -> subprocess.Popen:
    """Every viewer decrypts, and the window begins with the last one's connection."""
    return subprocess.Popen(
        [program, "--whep", whep_url, "--viewers", str(viewers), "--seconds", str(seconds), "--warmup", "0",
         "--sample", "all", "--json", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def load_report(process: subprocess.Popen, seconds: float) -> dict:
    """The JSON object that the load tool prints in the end."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"sigma-load did not end in {seconds} s\n{output}\n{errors}") from None
    assert process.returncode == 0, f"sigma-load ended with {process.returncode}\n{output}\n{errors}"
    return json.loads(output.strip().splitlines()[-1])
