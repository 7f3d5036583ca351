"use strict";

const list = document.getElementById("rooms");
const state = document.getElementById("state");

function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
}

function entry(room) {
    const link = document.createElement("a");
    link.href = "/watch/" + (room.name || room.id);
    link.append(element("span", "name", room.name || "Room " + room.id));
    if (room.height) link.append(element("span", "quiet", room.width + "×" + room.height));
    link.append(element("span", "quiet", room.viewer_count + (room.viewer_count === 1 ? " viewer" : " viewers")));
    link.append(element("span", room.live ? "live" : "quiet", room.live ? "● live" : "starting"));
    const item = document.createElement("li");
    item.append(link);
    return item;
}

async function refresh() {
    try {
        const response = await fetch("/rooms");
        if (!response.ok) throw new Error(response.status);
        const { rooms } = await response.json();
        list.replaceChildren(...rooms.map(entry));
        state.textContent = "Nobody is broadcasting right now.";
        state.hidden = rooms.length > 0;
    } catch {
        state.textContent = "The server does not answer; trying again…";
        state.hidden = false;
    }
    setTimeout(refresh, 2000 + Math.random() * 500);
}

refresh();
