"""FFmpeg as a publisher, and the clip that it publishes."""

import pathlib
import signal
import subprocess

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()

FRAME_RATE = 30
GOP_SECONDS = 2
CLIP_SECONDS = 20
CLOCK_GOP_SECONDS = 10
CLOCK_FRAMES = CLIP_SECONDS * FRAME_RATE
_CLOCK_BITS = 10

# At every odd second: a white picture for three frames and a tone for as long. Between two keyframes, so
# that no marker leans on one.
_MARKER = "lt(mod(t+1\\,2)\\,0.1)"


def make_clip(path: pathlib.Path):
    """1280x720, 30 frames/s, constrained baseline, about 2 Mbit/s, a keyframe every 2 s; Opus."""
    _encode(
        path, f"testsrc2=s=1280x720:r={FRAME_RATE},drawbox=color=white:t=fill:enable='{_MARKER}'",
        f"0.5*sin(2*PI*1000*t)*{_MARKER}", GOP_SECONDS, "2M")


def make_clock_clip(path: pathlib.Path, gop_seconds: int = CLOCK_GOP_SECONDS):
    """640x360, 30 frames/s, about 1.5 Mbit/s, with the number of each frame in a strip at the top; Opus.

    The bits of the number lie side by side, the highest first, each a cell of 64x24, white for 1; below each
    is its complement. The clip is played in a loop: the numbers begin again after CLOCK_FRAMES.
    """
    cells = "".join(
        f",drawbox=x={64 * column}:y={24 * row}:w=64:h=24:color=white:t=fill"
        f":enable='eq(mod(floor(n/{1 << _CLOCK_BITS - 1 - column})\\,2)\\,{1 - row})'"
        for column in range(_CLOCK_BITS) for row in range(2))
    _encode(
        path, f"testsrc2=s=640x360:r={FRAME_RATE},drawbox=w=640:h=48:color=black:t=fill{cells}",
        "0.1*sin(2*PI*440*t)", gop_seconds, "1500k")


def _encode(path: pathlib.Path, picture: str, sound: str, gop_seconds: int, bit_rate: str):
    subprocess.run(
        [
            FFMPEG, "-hide_banner", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"aevalsrc='{sound}|{sound}':s=48000",
            "-t", str(CLIP_SECONDS),
            "-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-pix_fmt", "yuv420p",
            "-g", str(gop_seconds * FRAME_RATE), "-keyint_min", str(gop_seconds * FRAME_RATE),
            "-sc_threshold", "0", "-bf", "0", "-b:v", bit_rate, "-maxrate", bit_rate, "-bufsize", "1M",
            "-x264-params", "nal-hrd=none:sliced-threads=0", "-threads", "2",
            "-c:a", "libopus", "-b:a", "96k", "-frame_duration", "20", "-application", "lowdelay",
            str(path),
        ],
        check=True, stdin=subprocess.DEVNULL)


class FFmpegPublisher:
    """Publishes the clip in a loop, at its own speed, without encoding anything."""

    def __init__(self, clip: pathlib.Path, url: str, token: str, log: pathlib.Path, options: tuple[str, ...] = ()):
        self.log_path = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    FFMPEG, "-hide_banner", "-loglevel", "verbose", "-nostats", "-nostdin", "-re", "-stream_loop", "-1",
                    "-i", str(clip), "-c", "copy", "-f", "whip", "-authorization", token, *options, url,
                ],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self):
        """Ends it as Ctrl-C does: it sends its DELETE."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        """Ends it without a word to the server."""
        self.process.kill()
        self.process.wait()
