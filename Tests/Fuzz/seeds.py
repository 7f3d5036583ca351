"""Writes the first inputs of each fuzz target, a file each, and its dictionary: python3 seeds.py FOLDER."""

import hashlib
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
CAPTURES = TESTS / "SigmaWireTests" / "Captures"

# Whose hexadecimal literals are inputs of which targets.
LITERALS = {
    "RFC5769Tests": ["stun"],
    "STUNMessageViewTests": ["stun"],
    "RTPPacketViewTests": ["rtp"],
    "RTPHeaderExtensionsTests": ["rtp"],
    "RTCPCompoundViewTests": ["rtcp"],
    "RTCPWriterTests": ["rtcp"],
    "H264PayloadTests": ["h264"],
    "H264SliceHeaderTests": ["h264"],
    "H264SequenceParameterSetTests": ["sps"],
    "MutationTests": ["stun", "rtp", "rtcp", "h264"],
}
STUN_HEADER = bytes.fromhex("2112a442b7e7a701bc34d686fa87dfae")
RTP_HEADER = bytes.fromhex("e0123401020304cafebabe")


def literals(name):
    """The octets of every hexadecimal literal in a suite."""
    text = (TESTS / "SigmaWireTests" / f"{name}.swift").read_text()
    for literal in re.findall(r'"""(.*?)"""|"([^"\n]*)"', text, re.DOTALL):
        digits = re.sub(r"\s", "", "".join(literal))
        if len(digits) >= 4 and re.fullmatch(r"([0-9a-fA-F]{2})+", digits):
            yield bytes.fromhex(digits)


def captured(name):
    """The datagrams of a capture, each stored behind its length."""
    octets = (CAPTURES / name).read_bytes()
    while len(octets) >= 2:
        (length,) = struct.unpack_from(">H", octets)
        yield octets[2 : 2 + length]
        octets = octets[2 + length :]


def step(choice, detail, octets):
    """One step of an engine input, as InputReader reads it."""
    return struct.pack(">BBH", choice, detail, len(octets)) + octets


def wire(seeds):
    for name, targets in LITERALS.items():
        for octets in literals(name):
            for target in targets:
                seeds[target].append(octets)
                # The tests write some without their fixed head.
                if target == "stun" and len(octets) % 4 == 0:
                    seeds[target].append(struct.pack(">HH", 1, len(octets)) + STUN_HEADER + octets)
                if target == "rtp":
                    seeds[target] += [bytes([first]) + RTP_HEADER + octets for first in (0x80, 0x90, 0xB2)]
    for name in ("ffmpeg-h264.bin", "ffmpeg-opus.bin"):
        report, *packets = captured(name)
        seeds["rtcp"].append(report)
        seeds["rtp"] += packets[:24]
        if "h264" in name:
            seeds["h264"] += [packet[12:] for packet in packets[:24]]
    for path in CAPTURES.glob("sps-*.hex"):
        octets = bytes.fromhex(path.read_text().strip())
        seeds["sps"].append(octets)
        seeds["h264"].append(octets)
    seeds["datagram"] = seeds["stun"][:8] + seeds["rtp"][-4:] + seeds["rtcp"][:8] + [b"\x16\xfe\xfd\0", b"\0"]


MINIMAL = """v=0
o=- 1 1 IN IP6 ::1
s=-
t=0 0
a=group:BUNDLE a v
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuv
a=fingerprint:sha-256 HASH
a=setup:actpass
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:a
a=DIRECTION
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 96
a=mid:v
a=DIRECTION
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:* nack pli
a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1
"""


def description(seeds):
    # Small ones are run more often than the browsers', which have up to 200 lines.
    for direction in ("sendonly", "recvonly", "sendrecv"):
        offer = MINIMAL.replace("DIRECTION", direction).replace("HASH", ":".join(["AB"] * 32))
        seeds["sdp"] += [offer.encode(), offer.replace("\na=setup", "\na=ice-lite\na=setup").encode()]
    for path in sorted((TESTS / "SigmaSDPTests" / "Offers").glob("*.sdp")):
        text = path.read_bytes()
        seeds["sdp"].append(text)
        seeds["sdp"].append(text.replace(b"\r\n", b"\n"))
        wanted = (b"a=ice-", b"a=mid", b"a=candidate", b"m=", b"a=group", b"a=end")
        lines = [line for line in text.splitlines(True) if line.startswith(wanted)]
        seeds["trickle"].append(b"".join(lines))
    seeds["trickle"].append(b"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=end-of-candidates\r\n")


def offers(seeds):
    """Numbers of lines, as OfferLines.swift has them: a session, an audio and a video m-section."""
    text = (TESTS / "Fuzz" / "Description" / "OfferLines.swift").read_text()
    tables = re.findall(r"private let (?:sections|attributes) = \[(.*?)\n\]", text, re.DOTALL)
    lines = [line for table in tables for line in re.findall(r'"([^"]*)"', table)]
    session = ["a=group:BUNDLE 0 1", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv", "a=setup:actpass"]
    audio = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"]
    video = [
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=rtcp-mux", "a=rtpmap:96 H264/90000",
        "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1", "a=rtcp-fb:* nack pli",
    ]
    fingerprint = bytes([len(lines)])
    for direction in ("a=sendonly", "a=recvonly", "a=sendrecv"):
        parts = [session, [*audio, direction], [*video, direction]]
        numbers = [bytes(lines.index(line) for line in part) for part in parts]
        seeds["offer"].append(numbers[0] + fingerprint + numbers[1] + numbers[2])
        seeds["offer"].append(numbers[0] + fingerprint + numbers[2])


def slab(seeds):
    for offset in (0, 8, 24, 64, 72, 80, 100, 1600, 3000, 8192 + 64, 8192 + 90, 8192 + 3200):
        for flags in (0, 1):
            seeds["slab"].append(struct.pack(">BHB", flags, offset, 255))


def settings(seeds):
    seeds["settings"] = [
        text.encode()
        for text in (
            "192.0.2.1", "[2001:db8::1]:5004", "::ffff:192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "::1", "*",
            "stun:stun.example.org:3478", "turn:[2001:db8::1]:3478?transport=udp|user|secret", "5004",
            "turns:turn.example.org?transport=tcp|u|p,stun:a", "https://tv.example.org:8443/", "/run/sigma",
        )
    ]


def control(seeds):
    messages = [
        bytes.fromhex(text)
        for text in ("0a020801", "08011204 0a020801", "0807 1a00", "1001 2a08 0a06 616263646566", "2200", "3200")
    ]
    seeds["message"] = messages
    frames = b"".join(struct.pack(">I", len(message)) + message for message in messages)
    seeds["frame"] = [bytes([cut]) + frames for cut in (0, 3, 255)] + [b"\0\0\1\0\0", b"\0\0\0\0\0"]


def extension(number, octets):
    return struct.pack(">HH", number, len(octets)) + octets


def client_hello():
    """A DTLS 1.2 ClientHello that a server answers with a whole flight (RFC 6347 §4.2, RFC 5764 §4.1)."""
    extensions = b"".join(
        (
            extension(10, bytes.fromhex("0002 0017".replace(" ", ""))),  # groups: P-256
            extension(11, b"\x01\0"),  # point formats
            extension(13, bytes.fromhex("0002 0403".replace(" ", ""))),  # ecdsa_secp256r1_sha256
            extension(14, bytes.fromhex("0004 0007 0001 00".replace(" ", ""))),  # use_srtp
            extension(23, b""),  # extended_master_secret
        )
    )
    body = b"\xfe\xfd" + bytes(range(32)) + b"\0\0" + bytes.fromhex("0002c02b0100")
    body += struct.pack(">H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + bytes(2) + bytes(3) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xff" + bytes(8) + struct.pack(">H", len(handshake)) + handshake


def engine(seeds):
    check = step(1, 0x40, b"")
    viewer_check = step(1, 0x47, b"\x80\x22\x04abcd")
    seeds["engine"] = [
        check,
        check + viewer_check + step(3, 20, b"") + step(1, 0x40, b""),
        step(2, 0x40, b"\0") + step(2, 0x40, b"\xff") + step(5, 0x40, b"") + step(1, 0x80, b""),
        check + step(1, 0, b"\x00\x24\x046789") + step(1, 0, b"\x80\x29\x0812345678") + step(3, 200, b""),
    ]
    hello = step(0, 0, client_hello())
    seeds["engine"] += [check + hello, check + hello + step(3, 5, b"") + check + step(3, 10, b""), hello + check]
    for octets in seeds["datagram"] + [b"\x16\xfe\xfd" + bytes(8) + b"\0\x0c\1" + bytes(11)]:
        seeds["engine"].append(check + step(0, 0, octets) + step(0, 1, octets) + step(4, 0, octets))
    for name in ("ffmpeg-h264.bin", "ffmpeg-opus.bin"):
        _, *packets = captured(name)
        video = 2 if "h264" in name else 0
        for start in range(0, 12, 4):
            parts = [step(0, 29 | video, packet) for packet in packets[start : start + 4]]
            seeds["media"].append(b"".join(parts))
    for octets in seeds["rtcp"]:
        seeds["media"].append(step(0, 5, octets) + step(1, 7, octets))
    for octets in seeds["rtp"][:40]:
        seeds["media"].append(step(0, 31, octets) + step(0, 0, octets))


def words(folder):
    """What a mutation of text should know whole: the beginnings of lines and the words in them."""
    found = set()
    for path in (TESTS / "SigmaSDPTests" / "Offers").glob("*.sdp"):
        for line in path.read_text().splitlines():
            found.update(re.findall(r"[a-z]=[a-z-]+:?|[A-Za-z][A-Za-z0-9/-]{2,24}", line))
    found.update(["a=simulcast:", "a=rid:", "65535", "4294967296", "a=ice-lite", "a=bundle-only", "\\x0d\\x0a"])
    text = "".join(f'"{word}"\n' for word in sorted(found))
    for target in ("sdp", "trickle"):
        (folder / f"{target}.dict").write_text(text)


def main():
    folder = pathlib.Path(sys.argv[1])
    names = "datagram stun rtp rtcp h264 sps sdp offer trickle settings frame message slab engine media".split()
    seeds = {name: [] for name in names}
    for fill in (wire, description, offers, slab, settings, control, engine):
        fill(seeds)
    for target, inputs in seeds.items():
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for octets in inputs:
            (place / hashlib.sha1(octets).hexdigest()).write_bytes(octets)
    words(folder)


if __name__ == "__main__":
    main()
