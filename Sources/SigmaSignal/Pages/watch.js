"use strict";

// A WHEP player (draft-ietf-wish-whep): one offer, one answer, and again with backoff when it ends.
const room = decodeURIComponent(location.pathname.split("/")[2] || "");
const video = document.getElementById("video");
const state = document.getElementById("state");
const sound = document.getElementById("sound");
const full = document.getElementById("full");
let session = null;
let attempts = 0;
let retry = 0;
let notifications = null;
let tried = 0;
// Of a room that has one: from the address, behind a # so that no server's log has it, or from the form.
let key = new URLSearchParams(location.hash.slice(1)).get("key") || "";
const keyForm = document.getElementById("key-form");
const keyField = document.getElementById("key");

document.getElementById("title").textContent = /^\d{16}$/.test(room) ? "Room " + room : room;
document.title = room + " – Sigma";

function show(text) {
    state.textContent = text;
    state.hidden = text === "";
    document.body.dataset.state = text === "" ? "playing" : "waiting";
}

// Link: <turn:host>; rel="ice-server"; username="…"; credential="…" (RFC 9725 section 4.6)
function iceServers(header) {
    const servers = [];
    for (const match of (header || "").matchAll(/<((?:stun|turn)s?:[^>]*)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
        const values = {};
        for (const [, name, text] of match[2].matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)) {
            values[name] = text.replace(/\\(.)/g, "$1");
        }
        if (values.rel === "ice-server") {
            servers.push({ urls: match[1], username: values.username, credential: values.credential });
        }
    }
    return servers;
}

function end() {
    clearTimeout(retry);
    if (notifications) notifications.close();
    notifications = null;
    if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
    session = null;
    if (window.pc) window.pc.close();
    window.pc = null;
    video.srcObject = null;
}

function again(text, after) {
    end();
    show(text);
    const delay = after || Math.min(500 * 2 ** attempts, 8000);
    attempts += 1;
    retry = setTimeout(connect, delay * (0.75 + Math.random() / 2));
}

// While there is nothing to watch: begins when the list of rooms has it, not all viewers at one moment.
function waitForRoom() {
    notifications = new EventSource("/notifications");
    notifications.onmessage = ({ data }) => {
        if (!JSON.parse(data).rooms.some((entry) => isThisRoom(entry) && entry.live)) return;
        notifications.close();
        clearTimeout(retry);
        // The list may have it, and the server not: once a second will do.
        retry = setTimeout(connect, Math.max(Math.random() * 200, tried + 1000 - performance.now()));
    };
}

function isThisRoom(entry) {
    return entry.name === room || String(entry.id) === room;
}

async function connect() {
    end();
    tried = performance.now();
    const pc = new RTCPeerConnection();
    window.pc = pc;
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addTransceiver("video", { direction: "recvonly" });
    const stream = new MediaStream();
    pc.ontrack = (event) => {
        stream.addTrack(event.track);
        video.srcObject = stream;
    };
    let ended = false;
    const lost = (text, after) => {
        if (ended || pc !== window.pc) return;
        ended = true;
        again(text, after);
        return true;
    };
    const wait = (text) => {
        if (lost(text)) waitForRoom();
    };
    pc.onconnectionstatechange = () => {
        if (pc.connectionState === "failed" || pc.connectionState === "closed") lost("Connection lost; connecting again…");
        if (pc.connectionState === "disconnected") show("The connection is interrupted…");
        if (pc.connectionState === "connected" && video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) show("");
    };
    try {
        const offer = await pc.createOffer();
        const headers = { "Content-Type": "application/sdp" };
        if (key) headers.Authorization = "Bearer " + key;
        const response = await fetch("/whep?wait=1&target_id=" + encodeURIComponent(room), {
            method: "POST", headers, body: offer.sdp,
        });
        if (response.status === 401) return askForKey();
        if (response.status === 404) return wait("Waiting for the broadcast to begin…");
        if (!response.ok) return lost(await reason(response), 1000 * Number(response.headers.get("Retry-After")));
        const opened = response.headers.get("Location");
        if (pc !== window.pc) {
            // Left while the answer was on its way.
            fetch(opened, { method: "DELETE", keepalive: true }).catch(() => {});
            return;
        }
        session = opened;
        const answer = await response.text();
        const servers = iceServers(response.headers.get("Link"));
        // Candidates are gathered only now, so that relays from the answer's headers count.
        if (servers.length) pc.setConfiguration({ iceServers: servers });
        await pc.setLocalDescription(offer);
        await pc.setRemoteDescription({ type: "answer", sdp: answer });
        const transport = pc.getReceivers()[0].transport;
        if (transport) {
            // The server's close_notify: the broadcast has ended.
            transport.onstatechange = () => { if (transport.state === "closed") wait("The broadcast has ended; waiting…"); };
        }
        watchdog(pc, lost);
    } catch (error) {
        lost("No connection; trying again…");
    }
}

function askForKey() {
    end();
    show(key ? "That is not the key of this room." : "Watching this room needs its key.");
    keyForm.hidden = false;
    keyField.value = "";
    keyField.focus();
}

keyForm.onsubmit = (event) => {
    event.preventDefault();
    key = keyField.value;
    keyForm.hidden = true;
    show("Connecting…");
    connect();
};

async function reason(response) {
    const problem = await response.json().catch(() => ({}));
    return (problem.title || "Error " + response.status) + "; trying again…";
}

// Where packets have to be sent again there must be time for it, ms: browsers ask anew every 100 ms, and a third time
// should not be too late.
const patience = 200;
const calm = 60;

// Connected but nothing arrives, or never connected: begin anew, unless there is no publisher to wait for.
function watchdog(pc, lost) {
    let octets = 0;
    let silent = 0;
    let repaired = 0;
    let quiet = calm;
    const timer = setInterval(async () => {
        if (pc !== window.pc || pc.connectionState === "closed") return clearInterval(timer);
        let now = 0;
        let again = 0;
        for (const report of (await pc.getStats()).values()) {
            if (report.type !== "inbound-rtp") continue;
            now += report.bytesReceived;
            again += report.retransmittedPacketsReceived || 0;
        }
        quiet = again > repaired ? 0 : quiet + 1;
        repaired = again;
        // Sound and picture alike, or they part.
        for (const receiver of pc.getReceivers()) receiver.jitterBufferTarget = quiet < calm ? patience : null;
        const came = now > octets;
        octets = now;
        if (came) attempts = 0;
        if (came && silent > 0 && !video.paused && video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) show("");
        silent = came ? 0 : silent + 1;
        if (silent % 3 === 2 && pc.connectionState === "connected" && await isSilent()) {
            show(now > 0 ? "The publisher is away; waiting…" : "Waiting for the broadcast to begin…");
            silent = 2;
        }
        if (silent >= 10) {
            clearInterval(timer);
            lost("Nothing arrives; connecting again…");
        }
    }, 1000);
}

// Whether nobody publishes to the room now.
async function isSilent() {
    try {
        const { rooms } = await (await fetch("/rooms")).json();
        return !rooms.some((entry) => isThisRoom(entry) && entry.live);
    } catch {
        return false;
    }
}

// What the streamer should change is said where it disturbs no viewer.
async function showNotes() {
    let advice = [];
    try {
        const { rooms } = await (await fetch("/rooms")).json();
        advice = rooms.find(isThisRoom)?.advice || [];
    } catch {
        return;
    }
    document.getElementById("notes").hidden = advice.length === 0;
    document.getElementById("advice").replaceChildren(...advice.map(({ code, text }) => {
        const item = document.createElement("li");
        item.dataset.code = code;
        item.textContent = text;
        return item;
    }));
}
setTimeout(showNotes, 15000 + Math.random() * 5000);
setInterval(() => { if (!document.hidden) showNotes(); }, 60000);

video.onplaying = () => {
    show("");
    sound.hidden = false;
    full.hidden = !document.fullscreenEnabled;
};
sound.onclick = () => {
    video.muted = !video.muted;
    sound.textContent = video.muted ? "Unmute" : "Mute";
};
full.onclick = () => video.requestFullscreen();
addEventListener("pagehide", end);
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

connect();
