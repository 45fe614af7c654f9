// A photograph that is dropped, pasted, chosen or taken with the camera, shown with the faces that were found.

import { attempt, say, text } from "./api.js";

const COLOURS = { match: "#00a878", unknown: "#e06c1f", ambiguous: "#d9a400", uncertain: "#d9a400" };
const LONGEST = 2560;

export class Photo {
  // onPhoto gets each photograph as a Blob; onFrame gets the camera's frames, one at a time, where it is given.
  constructor(root, onPhoto, onFrame) {
    this.root = root;
    this.onPhoto = onPhoto;
    this.onFrame = onFrame;
    this.blob = null;
    this.canvas = root.querySelector("canvas");
    this.video = root.querySelector("video");
    this.camera = root.querySelector("[data-camera]");
    this.snap = root.querySelector("[data-snap]");
    const input = root.querySelector("input[type=file]");
    input.addEventListener("change", () => input.files.length && this.take(input.files[0]));
    this.camera.addEventListener("click", () => (this.stream ? this.stop() : attempt(() => this.start())));
    this.snap.addEventListener("click", async () => this.take(await this.frame(0.95), true));
    root.addEventListener("dragover", (event) => {
      event.preventDefault();
      root.classList.add("over");
    });
    root.addEventListener("dragleave", () => root.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      const file = [...event.dataTransfer.files].find((one) => one.type.startsWith("image/"));
      if (file) this.take(file);
      else say(text("no-image"), true);
    });
    document.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
      const focused = document.activeElement?.closest(".photo") ?? document.querySelector(".photo");
      if (file && focused === root) this.take(file);
    });
  }

  async take(file) {
    this.stop();
    try {
      this.image = await createImageBitmap(file);
    } catch {
      this.image = null;
      say(text("no-preview"));
    }
    this.blob = file;
    this.draw([]);
    await this.onPhoto(file);
  }

  clear() {
    this.stop();
    this.blob = this.image = null;
    this.draw([]);
  }

  // Faces as the API gives them, with an outcome and a label each.
  draw(faces) {
    const { canvas, image } = this;
    const context = canvas.getContext("2d");
    canvas.setAttribute("aria-label", faces.length ? faces.map((one) => one.label).join(", ") : text("photo"));
    if (!image) {
      context.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const line = Math.max(2, canvas.width / 250);
    const size = Math.max(14, canvas.width / 32);
    context.font = `600 ${size}px system-ui, sans-serif`;
    for (const { box, outcome, label } of faces) {
      context.strokeStyle = COLOURS[outcome] ?? "#3b9ddd";
      context.lineWidth = line;
      context.strokeRect(box.x1 * scale, box.y1 * scale, (box.x2 - box.x1) * scale, (box.y2 - box.y1) * scale);
      if (!label) continue;
      const width = context.measureText(label).width + size * 0.6;
      const left = Math.min(Math.max(0, box.x1 * scale), Math.max(0, canvas.width - width));
      const top = Math.max(0, box.y1 * scale - size * 1.35);
      context.fillStyle = "rgb(0 0 0 / .75)";
      context.fillRect(left, top, width, size * 1.35);
      context.fillStyle = "#fff";
      context.fillText(label, left + size * 0.3, top + size);
    }
  }

  async start() {
    if (!navigator.mediaDevices) throw new Error(text("camera-secure"));
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "user" } });
    } catch {
      throw new Error(text("camera-refused"));
    }
    this.video.srcObject = this.stream;
    this.video.hidden = false;
    this.camera.textContent = text("camera-stop");
    await this.video.play();
    this.snap.hidden = false;
    this.snap.focus();
    if (this.onFrame) this.watch(this.stream);
  }

  async watch(stream) {
    while (this.stream === stream) {
      const began = performance.now();
      try {
        await this.onFrame(await this.frame(0.85));
      } catch (reason) {
        say(reason.message, true);
      }
      await new Promise((next) => setTimeout(next, Math.max(150, 700 - (performance.now() - began))));
    }
  }

  async frame(quality) {
    const still = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    still.getContext("2d").drawImage(this.video, 0, 0);
    return still.convertToBlob({ type: "image/jpeg", quality });
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.stream) this.camera.textContent = text("camera-start");
    this.stream = null;
    this.video.hidden = this.snap.hidden = true;
  }
}
