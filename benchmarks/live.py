"""How fast the live page is for one user and for two, on this machine.

    python benchmarks/live.py [--seconds 20] [--clip CLIP] [--only client|two|chromium]

Three measurements, each against a dashboard of its own:

    client    one user: benchmarks/live_client.py, a WebRTC client (aiortc) in a process of its own
              that speaks the dashboard's own protocol; its pictures come encoded
    two       two of them at once; each has to have half of what one is to have, at half the pace
    chromium  one user with a real browser and a fake camera, on the same processors: it encodes,
              decodes and draws its pictures there too

The camera is 640x480 at 30 pictures a second with three faces that move a little (matplotlib's
portrait of Grace Hopper, upright, mirrored and darker, with noise), or the clip that is named.
Analyses a second and their delay (from a picture's arrival at the server to its result) are what
the page itself shows. Displayed pictures are counted by the client, each once. The client also
times a picture's way from camera to screen; the delay of results is that way and the analysis
together. Chromium cannot tell the way; its displayed pictures are those that it has decoded, at
most as many as the page says it has drawn. Prints what each user got, and the ratio to the aim;
exits with 1 where an aim is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import av
import cv2
import numpy as np
from dashboard import (
    PATIENCE_MS,
    chromium_flags,
    count_frames,
    find_chromium,
    read_cpu_s,
    read_tile,
    run_server,
    start_stream,
)
from live_client import FPS, UInt8Array, paint_number
from playwright.sync_api import sync_playwright

from facecore.images import example_image
from facecore.media import iter_frames

AIMS = {"analysed_fps": 10.0, "displayed_fps": 25.0, "delay_ms": 250.0}
WIDTH, HEIGHT = 640, 480
LOOP = 5 * FPS  # pictures, before the camera begins anew
CLIENT = Path(__file__).with_name("live_client.py")


def draw_people() -> Iterator[UInt8Array]:
    """Draw three people who move a little, before a background with structure, with noise."""
    random = np.random.default_rng(1)
    portrait = example_image()
    people = [
        cv2.resize(portrait, (200, 240)),
        cv2.resize(portrait[:, ::-1], (180, 216)),
        (cv2.resize(portrait, (190, 228)) * 0.7).astype(np.uint8),
    ]
    room = cv2.GaussianBlur(cv2.resize(portrait, (WIDTH, HEIGHT)), (0, 0), 40)
    noise = random.normal(0, 4, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.int16)
    for i in range(LOOP):
        picture = room.copy()
        for k, person in enumerate(people):
            angle = 2 * np.pi * (i / LOOP * (2 + k) + k / 3)
            x = round(8 + 212 * k + 8 * np.sin(angle))
            y = round(180 + 30 * np.cos(angle))
            picture[y : y + person.shape[0], x : x + person.shape[1]] = person
        dx, dy = random.integers(0, 64, 2)
        part = np.ascontiguousarray(noise[dy : dy + HEIGHT, dx : dx + WIDTH])
        yield np.asarray(cv2.add(picture, part, dtype=cv2.CV_8U), dtype=np.uint8)


def read_clip(path: Path) -> Iterator[UInt8Array]:
    """Yield a clip's pictures at the camera's size, again and again."""
    while True:
        for frame in iter_frames(path):
            yield cv2.resize(frame.bgr, (WIDTH, HEIGHT))


def write_cameras(pictures: Iterator[UInt8Array], folder: Path) -> tuple[Path, Path]:
    """Write the camera for the client (VP8) and for Chromium (Motion JPEG)."""
    encoded, jpegs = folder / "camera.webm", folder / "camera.mjpeg"
    with av.open(str(encoded), "w") as container, jpegs.open("wb") as file:
        stream = container.add_stream("libvpx", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate, stream.gop_size = 1_500_000, FPS
        stream.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"}
        for number, picture in enumerate(islice(pictures, LOOP)):
            paint_number(picture, number)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
            file.write(cv2.imencode(".jpg", picture)[1].tobytes())
        container.mux(stream.encode())
    return encoded, jpegs


def measure_clients(url: str, camera: Path, num: int, seconds: float) -> list[dict[str, float]]:
    """Let clients use the page at the same time; return what each of them got."""
    command = [sys.executable, str(CLIENT), url, str(camera), str(seconds)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(num)]
    users = []
    for client in clients:
        output, _ = client.communicate(timeout=PATIENCE_MS / 1000 + seconds)
        if client.returncode:
            raise SystemExit("a client failed")
        user = json.loads(output.splitlines()[-1])
        if user["errors"]:
            raise SystemExit(f"the page showed an error: {user['errors'][0]}")
        user["delay_ms"] = user["way_ms"] + user["analysis_ms"]
        users.append(user)
    return users


def measure_chromium(url: str, camera: Path, seconds: float) -> list[dict[str, float]]:
    """Let a Chromium use the page; return what it got."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=chromium_flags(camera)
        )
        page = browser.new_context(permissions=["camera"]).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{url}/live")
        start_stream(page)
        page.locator(".fc-tile").first.wait_for()
        time.sleep(8)
        frames, begun_s = count_frames(page), time.monotonic()
        tiles: dict[str, list[int]] = {}
        while time.monotonic() - begun_s < seconds:
            time.sleep(1)
            for word in ("Analysed", "Displayed", "Delay", "People"):
                tiles.setdefault(word, []).append(read_tile(page, word) or 0)
        shown_fps = (count_frames(page) - frames) / (time.monotonic() - begun_s)
        browser.close()
    analysed, displayed, delay = (np.mean(tiles[w]) for w in ("Analysed", "Displayed", "Delay"))
    return [
        {
            "analysed_fps": float(analysed),
            "displayed_fps": min(shown_fps, float(displayed)),
            "delay_ms": float(delay),
            "people": tiles["People"][-1],
        }
    ]


def report(title: str, users: list[dict[str, float]], share: float, cores: float) -> bool:
    """Print what the users got; return whether every aim is met."""
    print(f"{title} (the server took {cores:.2f} cores)")
    met = True
    for number, user in enumerate(users, start=1):
        ratios = [user[key] / (AIMS[key] * share) for key in ("analysed_fps", "displayed_fps")]
        ratios.append(AIMS["delay_ms"] / share / user["delay_ms"])
        parts = f", of these {user['way_ms']:.0f} ms on the way" if "way_ms" in user else ""
        print(
            f"  user {number}: {user['analysed_fps']:.1f} analyses/s ({ratios[0]:.2f} of the aim), "
            f"{user['displayed_fps']:.1f} displayed/s ({ratios[1]:.2f}), results after "
            f"{user['delay_ms']:.0f} ms{parts} (aim / measured {ratios[2]:.2f}), "
            f"{user['people']:.0f} people",
            flush=True,
        )
        met &= min(ratios) >= 1
    return met


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--only", choices=("client", "two", "chromium"))
    args = parser.parse_args()
    kinds = [args.only] if args.only else ["client", "two", "chromium"]
    titles = {"client": "one client", "two": "two clients", "chromium": "one Chromium"}
    met = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = read_clip(args.clip) if args.clip else draw_people()
        encoded, jpegs = write_cameras(pictures, folder)
        for kind in kinds:
            with run_server(folder) as (pid, url, _):
                if kind == "chromium":
                    before, begun = read_cpu_s(pid), time.monotonic()
                    users = measure_chromium(url, jpegs, args.seconds)
                else:
                    before, begun = read_cpu_s(pid), time.monotonic()
                    users = measure_clients(url, encoded, 1 + (kind == "two"), args.seconds)
                cores = (read_cpu_s(pid) - before) / (time.monotonic() - begun)
            met &= report(titles[kind], users, 0.5 if kind == "two" else 1.0, cores)
    print("every aim is met" if met else "an aim is missed")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
