// Injected before a page's own scripts: watches what the page does with WebRTC, without its help.
//
// What it finds stands in window.e2e; times are performance.now(), ms.
(() => {
  const e2e = (window.e2e = {
    connections: [], // every RTCPeerConnection of the page, ours excepted
    posts: [], // {url, at, status, location}
    firstFrameAt: null,
    flashes: [], // a white picture becomes visible
    bursts: [], // a tone becomes audible
    controlGaps: [], // between pictures of the control, ms
    audioStarted: false,
    errors: [],
  });
  window.addEventListener("error", (event) => e2e.errors.push(String(event.message)));
  window.addEventListener("unhandledrejection", (event) => e2e.errors.push(String(event.reason)));

  const NativeConnection = window.RTCPeerConnection;
  e2e.NativeConnection = NativeConnection;
  window.RTCPeerConnection = class extends NativeConnection {
    constructor(...parameters) {
      super(...parameters);
      e2e.connections.push(this);
    }
  };

  const nativeFetch = window.fetch;
  window.fetch = async (resource, options) => {
    const method = (options?.method ?? resource?.method ?? "GET").toUpperCase();
    if (method !== "POST") return nativeFetch(resource, options);
    const post = { url: String(resource?.url ?? resource), at: performance.now() };
    e2e.posts.push(post);
    const response = await nativeFetch(resource, options);
    post.status = response.status;
    post.location = response.headers.get("Location");
    return response;
  };

  // ------------------------------------------------------------------------------------ what is seen

  const sample = document.createElement("canvas");
  sample.width = 16;
  sample.height = 9;
  const context = sample.getContext("2d", { willReadFrequently: true });
  let wasWhite = false;

  function frame(video, now, metadata) {
    if (e2e.firstFrameAt === null) e2e.firstFrameAt = now;
    context.drawImage(video, 0, 0, 16, 9);
    const pixels = context.getImageData(0, 0, 16, 9).data;
    let sum = 0;
    for (let index = 0; index < pixels.length; index += 4) sum += pixels[index];
    const isWhite = sum / (pixels.length / 4) > 230;
    if (isWhite && !wasWhite) e2e.flashes.push(metadata.expectedDisplayTime);
    wasWhite = isWhite;
    video.requestVideoFrameCallback((...next) => frame(video, ...next));
  }

  // ----------------------------------------------------------------------------------- what is heard

  // Notes when a tone begins after at least half a second without one. The samples come ten milliseconds at
  // a time with the moment at which the player took them out of its jitter buffer; the device plays them
  // some 20 ms later. WebAudio would queue them once more, for an unknown time.
  async function listen(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let quietSince = 0;
    for (;;) {
      const { value: data, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      for (let index = 0; index < samples.length; index++) {
        if (Math.abs(samples[index]) < 0.1) continue;
        const time = data.timestamp / 1000 + (index / data.sampleRate) * 1000;
        if (time - quietSince > 500) e2e.bursts.push(time);
        quietSince = time;
      }
      data.close();
    }
  }

  const watched = new WeakSet();
  setInterval(() => {
    const video = document.querySelector("video");
    if (!video?.srcObject) return;
    if (!watched.has(video)) {
      watched.add(video);
      video.requestVideoFrameCallback((...first) => frame(video, ...first));
    }
    if (!e2e.audioStarted && video.srcObject.getAudioTracks().length) {
      e2e.audioStarted = true;
      listen(video.srcObject.getAudioTracks()[0]).catch((error) => e2e.errors.push(`audio: ${error}`));
    }
  }, 10);

  // ------------------------------------------------------------------------------------- the control

  // A loop inside this browser: what freezes it is the machine, not the server.
  e2e.startControl = async () => {
    const canvas = document.createElement("canvas");
    canvas.width = 320;
    canvas.height = 180;
    const paint = canvas.getContext("2d");
    let step = 0;
    setInterval(() => {
      paint.fillStyle = `hsl(${(step += 7) % 360} 80% 50%)`;
      paint.fillRect((step * 3) % 320, 0, 60, 180);
    }, 33);
    const [sender, receiver] = [new NativeConnection(), new NativeConnection()];
    sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate);
    receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate);
    const video = document.createElement("video");
    video.muted = video.autoplay = true;
    video.id = "control";
    receiver.ontrack = ({ track }) => (video.srcObject = new MediaStream([track]));
    sender.addTrack(canvas.captureStream(30).getVideoTracks()[0]);
    await sender.setLocalDescription();
    await receiver.setRemoteDescription(sender.localDescription);
    await receiver.setLocalDescription();
    await sender.setRemoteDescription(receiver.localDescription);
    await video.play();
    let last = null;
    const shown = (now) => {
      if (last !== null) e2e.controlGaps.push(now - last);
      last = now;
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    e2e.control = receiver;
  };

  // --------------------------------------------------------------------------------------- statistics

  async function inbound(connection, kind) {
    for (const report of (await connection.getStats()).values())
      if (report.type === "inbound-rtp" && report.kind === kind) return { ...report };
    return null;
  }

  e2e.statistics = async () => {
    const connection = e2e.connections.at(-1);
    return {
      state: connection?.connectionState ?? "none",
      video: connection ? await inbound(connection, "video") : null,
      audio: connection ? await inbound(connection, "audio") : null,
      control: e2e.control ? await inbound(e2e.control, "video") : null,
      // The longest of the last ten seconds.
      controlGap: Math.max(0, ...e2e.controlGaps.slice(-300)),
      firstFrameAt: e2e.firstFrameAt,
      posts: e2e.posts,
      flashes: e2e.flashes,
      bursts: e2e.bursts,
      errors: e2e.errors,
    };
  };
})();
