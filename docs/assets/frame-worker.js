/* A page that is opened from a folder (file:) may not start a worker. There, the search runs in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      const inside = this.frame.contentWindow;
      this.ready = new Promise((resolve) => {
        window.addEventListener("message", (event) => {
          if (event.source === inside || event.data?.frameWorker === url) {
            this.dispatchEvent(new MessageEvent("message", { data: event.data.payload }));
          }
        });
        inside.document.open();
        inside.document.write("<!doctype html><body></body>");
        inside.document.close();
        inside.postMessage = (payload) =>
          window.postMessage({ frameWorker: url, payload }, "*");
        inside.importScripts = async (...urls) => {
          for (const one of urls) await load(inside, one);
        };
        load(inside, url).then(resolve);
      });
    }

    postMessage(data) {
      this.ready.then(() =>
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })),
      );
    }

    terminate() {
      this.frame.remove();
    }
  };

  const load = (inside, url) =>
    new Promise((resolve, reject) => {
      const script = inside.document.createElement("script");
      script.src = new URL(url, location.href);
      script.onload = resolve;
      script.onerror = reject;
      inside.document.body.appendChild(script);
    });
}
