"use strict";

// A WHIP publisher (RFC 9725) from the camera or the screen.
const video = document.getElementById("video");
const form = document.getElementById("form");
const start = document.getElementById("start");
const state = document.getElementById("state");
const advice = document.getElementById("advice");
const page = document.getElementById("page");
let session = null;

async function capture(source) {
    if (!navigator.mediaDevices) throw new Error("Capturing needs HTTPS, or http://localhost.");
    return source === "screen"
        ? navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 30 }, audio: true })
        : navigator.mediaDevices.getUserMedia({
            video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }, audio: true,
        });
}

async function publish() {
    const room = document.getElementById("room").value;
    const stream = await capture(document.getElementById("source").value);
    video.srcObject = stream;
    const pc = new RTCPeerConnection();
    window.pc = pc;
    for (const track of [...stream.getAudioTracks(), ...stream.getVideoTracks()]) {
        track.onended = () => stop("The source has ended.");
        const transceiver = pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
        if (track.kind !== "video") continue;
        const codecs = RTCRtpSender.getCapabilities("video").codecs;
        const isH264 = (codec) => codec.mimeType.toLowerCase() === "video/h264";
        transceiver.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))]);
    }
    pc.onconnectionstatechange = () => {
        if (pc.connectionState === "connected") state.textContent = "You are live.";
        if (pc.connectionState === "disconnected") state.textContent = "The connection is interrupted…";
        if (pc.connectionState === "failed") stop("The connection is lost.");
    };
    await pc.setLocalDescription();
    const response = await fetch(room ? "/whip/" + room : "/whip", {
        method: "POST", body: pc.localDescription.sdp,
        headers: { "Content-Type": "application/sdp", Authorization: "Bearer " + document.getElementById("token").value },
    });
    if (response.status !== 201) {
        const problem = await response.json().catch(() => ({}));
        throw new Error(problem.detail || "The server answered " + response.status + ".");
    }
    session = response.headers.get("Location");
    // Of a room that nobody named: what was made.
    const made = /<\/watch\/([a-z0-9-]+)>; *rel="alternate"/.exec(response.headers.get("Link") || "");
    page.href = made ? "/watch/" + made[1] : "/";
    page.hidden = !made;
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    const transport = pc.getSenders()[0].transport;
    transport.onstatechange = () => { if (transport.state === "closed") stop("The server has ended the broadcast."); };
    start.textContent = "Stop";
}

// What is hard about the video of the room that is named above, and what to change; also while OBS publishes it.
async function showAdvice() {
    const room = document.getElementById("room").value;
    try {
        const rooms = room ? (await (await fetch("/rooms")).json()).rooms : [];
        const found = rooms.find((entry) => entry.name === room);
        advice.replaceChildren(...(found ? found.advice : []).map(({ code, text }) => {
            const item = document.createElement("li");
            item.dataset.code = code;
            item.textContent = text;
            return item;
        }));
    } catch {
        // The next answer will do.
    }
    setTimeout(showAdvice, 3000);
}

function stop(text) {
    if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
    session = null;
    if (window.pc) window.pc.close();
    window.pc = null;
    if (video.srcObject) for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
    start.textContent = "Start";
    page.hidden = true;
    state.textContent = text;
}

form.onsubmit = async (event) => {
    event.preventDefault();
    if (window.pc) return stop("");
    start.disabled = true;
    state.textContent = "Starting…";
    try {
        await publish();
    } catch (error) {
        stop(error.message);
    }
    start.disabled = false;
};
addEventListener("pagehide", () => stop(""));
showAdvice();
