// Injected into a page: viewers side by side, on one clock. The product's own player, if the page has it, is the viewer
// "page".
//
// What they see stands in window.e2e.players, by name; times are performance.now(), ms.
(() => {
  const players = {};
  const e2e = (window.e2e = { players });

  // The clock of make_clock_clip: as many cells as the number has bits, the highest first, and below each its
  // complement, so that what is no clock is not taken for one.
  const bits = 10;
  const strip = 48 / 360;
  const cell = 8;

  function readNumber(player) {
    const { video, context } = player;
    context.drawImage(
      video, 0, 0, video.videoWidth, Math.round(video.videoHeight * strip), 0, 0, bits * cell, 2 * cell);
    const pixels = context.getImageData(0, 0, bits * cell, 2 * cell).data;
    const green = (column, row) => pixels[4 * ((row * cell + cell / 2) * bits * cell + column * cell + cell / 2) + 1];
    let number = 0;
    for (let column = 0; column < bits; column++) {
      const difference = green(column, 0) - green(column, 1);
      if (Math.abs(difference) < 80) return null;
      number = number * 2 + (difference > 0 ? 1 : 0);
    }
    return number;
  }

  function frame(player, now, metadata) {
    player.frames.push([now, readNumber(player), metadata.rtpTimestamp]);
    player.video.requestVideoFrameCallback((...next) => frame(player, ...next));
  }

  // Of the addresses that the server offers, a connection uses those of its own port, or of #port=… in the page's URL.
  const ports = new Map();
  const setRemoteDescription = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const port = ports.get(this) ?? new URLSearchParams(location.hash.slice(1)).get("port");
    const isUsed = (line) => !port || !line.startsWith("a=candidate:") || line.split(" ")[5] === String(port);
    return setRemoteDescription.call(this, { type, sdp: sdp.split("\r\n").filter(isUsed).join("\r\n") });
  };

  function observe(name, video) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bits * cell, 2 * cell];
    const player = (players[name] = {
      video,
      context: canvas.getContext("2d", { willReadFrequently: true }),
      frames: [], // [shown at, number of the frame or null, RTP timestamp]
    });
    video.requestVideoFrameCallback((...first) => frame(player, ...first));
    return player;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("video");
    if (video) Object.defineProperty(observe("page", video), "connection", { get: () => window.pc });
  });

  // Watches as the product's own page does, but for its patience.
  e2e.watch = async (name, url, { port } = {}) => {
    const connection = new RTCPeerConnection();
    ports.set(connection, port);
    const player = observe(name, document.createElement("video"));
    player.connection = connection;
    Object.assign(player.video, { muted: true, autoplay: true, width: 320, height: 180 });
    document.body.append(player.video);
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.addTransceiver("video", { direction: "recvonly" });
    const stream = new MediaStream();
    connection.ontrack = ({ track }) => {
      stream.addTrack(track);
      player.video.srcObject = stream;
    };
    const offer = await connection.createOffer();
    player.postAt = performance.now();
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: offer.sdp,
    });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    player.session = response.headers.get("Location");
    const answer = await response.text();
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
  };

  e2e.leave = async (name) => {
    const player = players[name];
    delete players[name];
    const response = await fetch(player.session, { method: "DELETE" });
    player.connection.close();
    player.video.remove();
    return response.status;
  };

  // What is known of several at one moment.
  e2e.looks = (names, since) => Promise.all(names.map((name) => e2e.look(name, since)));

  // All that is known of a viewer by now; its frames from `since` on.
  e2e.look = async (name, since = 0) => {
    const player = players[name] ?? { frames: [] };
    const look = { at: performance.now(), video: null, audio: null };
    for (const report of (await player.connection?.getStats())?.values() ?? [])
      if (report.type === "inbound-rtp") look[report.kind] = { ...report };
    look.postAt = player.postAt ?? null;
    look.firstFrameAt = player.frames[0]?.[0] ?? null;
    look.frames = player.frames.filter(([at]) => at >= since);
    return look;
  };
})();
