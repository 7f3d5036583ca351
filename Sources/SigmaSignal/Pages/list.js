"use strict";

const list = document.getElementById("rooms");
const state = document.getElementById("state");
const entries = new Map();
let source = null;
let retry = 0;

function element(tag, className) {
    const made = document.createElement(tag);
    made.className = className;
    return made;
}

function entry(room) {
    const link = document.createElement("a");
    link.href = "/watch/" + (room.name || room.id);
    const parts = ["name", "quiet", "quiet", "quiet"].map((name) => element("span", name));
    link.append(...parts);
    const item = document.createElement("li");
    item.append(link);
    return { item, parts };
}

function fill([name, size, viewers, live], room) {
    name.textContent = room.name || "Room " + room.id;
    size.textContent = room.height ? room.width + "×" + room.height : "";
    viewers.textContent = room.viewer_count + (room.viewer_count === 1 ? " viewer" : " viewers");
    live.textContent = room.live ? "● live" : "starting";
    live.className = room.live ? "live" : "quiet";
}

// Entries stay the elements they are, so that who is on one with the keyboard stays there.
function show(rooms) {
    const numbers = new Set(rooms.map((room) => room.id));
    for (const [number, { item }] of entries) {
        if (numbers.has(number)) continue;
        item.remove();
        entries.delete(number);
    }
    rooms.forEach((room, place) => {
        if (!entries.has(room.id)) entries.set(room.id, entry(room));
        const { item, parts } = entries.get(room.id);
        fill(parts, room);
        if (list.children[place] !== item) list.insertBefore(item, list.children[place] || null);
    });
    say(rooms.length ? "" : "Nobody is broadcasting right now.");
}

function say(text) {
    if (state.textContent !== text) state.textContent = text;
    state.hidden = text === "";
}

function listen() {
    hush();
    source = new EventSource("/notifications");
    source.onmessage = ({ data }) => show(JSON.parse(data).rooms);
    source.onerror = ({ target }) => {
        say("The server does not answer; trying again…");
        // A browser tries again by itself, but not where something else answered.
        if (target.readyState === EventSource.CLOSED) retry = setTimeout(listen, 2000 + Math.random() * 500);
    };
}

function hush() {
    clearTimeout(retry);
    if (source) source.close();
    source = null;
}

// A browser has six connections to a server for all of its pages: those that nobody sees hold none.
document.addEventListener("visibilitychange", () => (document.hidden ? hush() : listen()));

if (!document.hidden) listen();
