# SPDX-License-Identifier: Apache-2.0
"""browser.py -- pages in headless Chromium, asked through its DevTools pipe: nothing but Python and the browser.

    browser.py check PAGE PICTURES VIEW…    load PAGE on a phone, a tablet or a desk, in the light or in the dark, and on
                                            paper; judge it; write pictures and the PDF into the directory PICTURES
    browser.py parse PAGE                   without a browser: well-formed, and what a screen reader needs is there

Each finding is a line; no output and status 0 mean that all is well.  What was looked at is written to PICTURES/seen.json.
"""
import base64
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as tree
import zlib

PATIENCE = 180  # seconds for one answer: the machine may be busy with other tests
OWN = r"(google|googleapis|gvt1)\.com"  # what this browser asks for itself; a page's requests are told by the browser, too
XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
findings = []


def finding(text):
    findings.append(text)


# ---- a browser --------------------------------------------------------------------------------------------------------


class Listener:
    """Where every request would go: the browser's proxy, which must see nothing."""

    def __init__(self):
        self.seen = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.server.accept()
            connection.settimeout(5)
            try:
                self.seen.append(connection.recv(4096).split(b"\r\n")[0].decode("latin-1"))
                connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            except OSError:
                self.seen.append("a connection")
            connection.close()

    def asked(self, host):
        return [line for line in self.seen if host in line]


class Browser:
    def __init__(self, proxy):
        program = shutil.which("chromium")
        if program is None:
            sys.exit("chromium is not installed: scripts/install-deps.sh test")
        self.profile = tempfile.mkdtemp(prefix="expunge-browser-")
        to_browser, self.to_browser = os.pipe()
        self.from_browser, from_browser = os.pipe()
        self.number = 0
        self.waiting = b""
        self.events = []

        def keep_pipes():  # the browser reads from 3 and writes to 4
            os.setsid()
            inside, outside = os.dup(to_browser), os.dup(from_browser)
            os.dup2(inside, 3)
            os.dup2(outside, 4)

        environment = {k: v for k, v in os.environ.items() if not k.startswith("DBUS_")} | {"HOME": self.profile}
        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
             "--disable-extensions", "--disable-domain-reliability", "--metrics-recording-only",
             "--force-renderer-accessibility", "--hide-scrollbars", "--force-color-profile=srgb",
             f"--user-data-dir={self.profile}", f"--proxy-server=127.0.0.1:{proxy}",
             "--proxy-bypass-list=<-loopback>", "about:blank"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.profile, "stderr"), "wb"), close_fds=False, preexec_fn=keep_pipes)
        os.close(to_browser)
        os.close(from_browser)

    def read(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.waiting:
            ready, _, _ = select.select([self.from_browser], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.from_browser, 1 << 20) if ready else b""
            if not piece:
                sys.exit(f"chromium {'ended' if ready else 'did not answer'}: {self.last_words()}")
            self.waiting += piece
        message, self.waiting = self.waiting.split(b"\0", 1)
        return json.loads(message)

    def last_words(self):
        with open(os.path.join(self.profile, "stderr"), errors="replace") as file:
            return file.read()[-2000:]

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method, session):
        while not any(e.get("method") == method and e.get("sessionId") == session for e in self.events):
            self.events.append(self.read())

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads a group of its own
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


class View:
    def __init__(self, browser, page, width, height, scheme, media=""):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 700)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.events.clear()
        self.call("Page.navigate", url="file://" + page)
        browser.wait_for("Page.loadEventFired", self.session)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=f"JSON.stringify({expression})")
        if "exceptionDetails" in answer:
            sys.exit(f"the page could not be asked: {answer['exceptionDetails']}")
        return json.loads(answer["result"]["value"])

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.browser.events
                if e.get("method") == "Network.requestWillBeSent" and e.get("sessionId") == self.session]

    def complaints(self):
        return [e["params"]["entry"]["text"] for e in self.browser.events
                if e.get("method") == "Log.entryAdded" and e.get("sessionId") == self.session]

    def picture(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 15000), "scale": 1})
        png = base64.b64decode(data["data"])
        with open(path, "wb") as file:
            file.write(png)
        return first_pixel(png)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)


def first_pixel(png):
    """The darkest channel of the upper left pixel: the filter of a first line leaves its first pixel as it is."""
    data, at = b"", 8
    while at < len(png):
        length = int.from_bytes(png[at:at + 4], "big")
        if png[at + 4:at + 8] == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += 12 + length
    line = zlib.decompressobj().decompress(data, 4)
    return min(line[1:4])


# ---- what is judged in the browser ------------------------------------------------------------------------------------

# Text whose contrast to what stands behind it is below 4.5 : 1 (WCAG 2.1, 1.4.3).
CONTRAST = """(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
                                       .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
                        return parse(getComputedStyle(document.documentElement).colorScheme.includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18,18,18)' : 'rgb(255,255,255)'); };
  const found = {};
  let seen = 0;
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || !e.getClientRects().length || e.closest('title, desc, .skip')) continue;
    const style = getComputedStyle(e);
    const ink = parse(e.namespaceURI.endsWith('svg') ? style.fill : style.color), a = light(ink), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    seen++;
    if (ratio < 4.5) found[e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + ratio.toFixed(2)] = 1;
  }
  return { seen, found: Object.keys(found) };
})()"""

# What sticks out of the page, but for what scrolls inside its own box, and what that box hides at this width.
OVERFLOW = """(() => {
  const wide = innerWidth + .5, found = [];
  for (const e of document.querySelectorAll('body *')) {
    const r = e.getBoundingClientRect();
    if (r.width && r.right > wide && !e.closest('.skip, title, desc') && !e.closest('.scroll, .cards thead')) found.push(e.tagName + '.' + (e.className.baseVal ?? e.className) + ' ' + Math.round(r.right));
  }
  const boxes = [...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1)
                  .map(b => b.querySelector('caption').textContent);
  return { page: document.documentElement.scrollWidth, inner: innerWidth, found: found.slice(0, 5), boxes };
})()"""


def judge_width(view, name, narrow):
    said = view.ask(OVERFLOW)
    if said["page"] > said["inner"] or said["found"]:
        finding(f"{name}: the page is {said['page']} wide in {said['inner']}: {said['found']}")
    if narrow and said["boxes"]:
        finding(f"{name}: to be scrolled sideways: {said['boxes']}")


def judge_contrast(view, name, seen):
    said = view.ask(CONTRAST)
    seen[f"{name}: texts"] = said["seen"]
    if said["found"]:
        finding(f"{name}: too little contrast: {said['found']}")


def accessible(view):
    nodes = [n for n in view.call("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
    value = lambda node, what: node.get(what, {}).get("value", "")
    return [(value(n, "role"), value(n, "name").strip(), value(n, "description").strip()) for n in nodes]


def judge_accessible(view, name, seen):
    nodes = accessible(view)
    count = lambda role: sum(1 for n in nodes if n[0] == role)
    pages = {role: count(role) for role in ("main", "banner", "navigation", "region", "heading", "table", "columnheader",
                                            "rowheader", "cell", "image", "link")}
    seen[f"{name}: accessible"] = pages
    for role in ("main", "banner"):
        if count(role) != 1:
            finding(f"{name}: {count(role)} landmarks \"{role}\"")
    for role in ("table", "columnheader", "rowheader", "cell", "heading"):
        if count(role) == 0:
            finding(f"{name}: nothing is a {role} to a screen reader")
    for role, title, description in nodes:
        if role in ("table", "image", "region", "navigation", "figure", "heading", "link") and not title:
            finding(f"{name}: a {role} without a name")
        if role == "image" and not description:
            finding(f"{name}: an image without a description: {title}")


VIEWS = {"phone": (320, 640, "light"), "phone-dark": (360, 740, "dark"), "tablet": (768, 1024, "light"),
         "desk": (1280, 900, "light"), "desk-dark": (1280, 900, "dark")}


def look(browser, page, pictures, seen, views):
    for name in views:
        width, height, scheme = VIEWS[name]
        view = View(browser, page, width, height, scheme)
        judge_width(view, name, width < 700)
        judge_contrast(view, name, seen)
        judge_accessible(view, name, seen)
        pixel = view.picture(os.path.join(pictures, f"{name}.png"))
        if (pixel < 64) != (scheme == "dark"):
            finding(f"{name}: the background is not {scheme}: {pixel}")
        if view.requests() != ["file://" + page]:
            finding(f"{name}: requests: {view.requests()}")
        if view.complaints():
            finding(f"{name}: the browser complains: {view.complaints()}")
        view.close()


def print_page(browser, page, pictures, seen):
    view = View(browser, page, 703, 1000, "dark", media="print")  # A4 without its margins, in CSS pixels
    judge_width(view, "paper", True)
    if view.picture(os.path.join(pictures, "paper.png")) < 250:
        finding("paper: it is not white in dark mode")
    folded = view.ask("[...document.querySelectorAll('details')].filter(d => !d.querySelector('table').checkVisibility({contentVisibilityAuto: true}) || !d.querySelector('table').getClientRects().length).length")
    if folded:
        finding(f"paper: {folded} tables are folded away")
    pdf = base64.b64decode(view.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])
    with open(os.path.join(pictures, "paper.pdf"), "wb") as file:
        file.write(pdf)
    seen["paper: pages"] = len(re.findall(rb"/Type\s*/Page\b", pdf))
    if not pdf.startswith(b"%PDF-") or seen["paper: pages"] == 0:
        finding("paper: no PDF came out")
    view.close()


def tempt(browser, listener, page, pictures, seen):
    """The same page with things in it that would ask somebody: its own policy stops each.  Without it they ask."""
    with open(page, encoding="utf-8") as file:
        html = file.read()
    bait = ("<img src='http://bait.invalid/%s-img' /><link rel='stylesheet' href='http://bait.invalid/%s-css' />"
            "<script src='http://bait.invalid/%s-js'></script><script>document.title = 'ran'</script>"
            "<iframe src='http://bait.invalid/%s-frame'></iframe>")
    for name, text in (("with", html), ("without", re.sub(r"<meta http-equiv=[^>]*>", "", html))):
        path = os.path.join(pictures, f"bait-{name}.html")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("</main>", bait.replace("%s", name) + "</main>"))
        view = View(browser, path, 800, 600, "light")
        ran = view.ask("document.title == 'ran'")
        if ran != (name == "without"):
            finding(f"bait {name} the policy: a script {'ran' if ran else 'did not run'}")
        view.close()
    for kind in ("img", "css", "js", "frame"):
        if not listener.asked(f"bait.invalid/without-{kind}"):
            finding(f"bait without the policy: the listener saw no {kind}: it would see nothing else either")
    if listener.asked("/with-"):
        finding(f"bait with the policy: {listener.asked('/with-')}")
    seen["bait"] = len(listener.asked("bait.invalid"))


def check(page, pictures, views):
    os.makedirs(pictures, exist_ok=True)
    seen = {}
    listener = Listener()
    browser = Browser(listener.port)
    try:
        look(browser, page, pictures, seen, views)
        print_page(browser, page, pictures, seen)
        left = [line for line in listener.seen if not re.search(OWN, line)]
        if left:
            finding(f"requests left the page: {left}")
        tempt(browser, listener, page, pictures, seen)
    finally:
        browser.close()
    with open(os.path.join(pictures, "seen.json"), "w") as file:
        json.dump(seen, file)


# ---- what is judged without one ---------------------------------------------------------------------------------------


def judge_references(root):
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    for name in {i for i in ids if ids.count(i) > 1}:
        finding(f"two elements are called {name}")
    for e in root.iter():
        for name in (e.get("aria-labelledby") or "").split():
            if name not in ids:
                finding(f"{e.tag} is labelled by {name}, which is not there")
        for attribute in ("src", "srcset", "action", "data", "poster", "background", "ping", "formaction", "style"):
            if e.get(attribute) is not None:
                finding(f"{e.tag} has {attribute}={e.get(attribute)}")
        if any(a.startswith("on") for a in e.attrib):
            finding(f"{e.tag} has a handler")
        href = e.get("href") or e.get("{http://www.w3.org/1999/xlink}href")
        if href is not None and (not href.startswith("#") or href[1:] not in ids):
            finding(f"a link leads to {href}")


def judge_tables(root):
    for table in root.iter(XHTML + "table"):
        caption = table.find(XHTML + "caption")
        if caption is None or not "".join(caption.itertext()).strip():
            finding("a table without a caption")
        for header in table.iter(XHTML + "th"):
            if header.get("scope") not in ("row", "col"):
                finding("a header cell without a scope")
        width = len(table.find(XHTML + "thead").find(XHTML + "tr"))
        for row in table.find(XHTML + "tbody"):
            if len(row) != width or row[0].tag != XHTML + "th":
                finding(f"a row of {len(row)} cells in a table of {width}")
    for drawing in root.iter(SVG + "svg"):
        if drawing.get("role") != "img" or not drawing.findtext(SVG + "title") or not drawing.findtext(SVG + "desc"):
            finding("a drawing without role, title or description")


def judge_headings(root):
    levels = [int(e.tag[-1]) for e in root.iter() if re.fullmatch(re.escape(XHTML) + "h[1-6]", e.tag)]
    if levels[:1] != [1] or levels.count(1) != 1 or any(b > a + 1 for a, b in zip(levels, levels[1:])):
        finding(f"headings skip a level: {levels}")


def parse(page):
    with open(page, "rb") as file:
        html = file.read()
    if not html.startswith(b"<!DOCTYPE html>\n"):
        finding("it does not begin with its doctype")
    root = tree.fromstring(html)
    for forbidden in ("script", "iframe", "object", "embed", "link", "base", "form", "img"):
        if root.find(f".//{XHTML}{forbidden}") is not None:
            finding(f"there is a <{forbidden}>")
    if root.get("lang") != "en" or not root.findtext(f"{XHTML}head/{XHTML}title"):
        finding("no language or no title")
    judge_references(root)
    judge_tables(root)
    judge_headings(root)


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[3]), sys.argv[4:])
    else:
        parse(sys.argv[2])
    print("\n".join(findings[:40]), end="\n" if findings else "")
    sys.exit(1 if findings else 0)
