"""A live user without a browser: speaks Streamlit's WebSocket and WebRTC, and keeps count.

    python benchmarks/live_client.py URL CAMERA.webm SECONDS      (0: until its input ends)

Opens the page Live as a browser does (same messages, same reruns of its parts), sends the camera's
pictures and receives the analysed ones. Prints "watching" when it has settled, and at the end one
line of JSON. The pictures come encoded, so that sending them costs next to nothing: the processors
belong to the server. Every picture wears its number (``paint_number``), which comes back with it:
so a picture counts once, however often it is sent, and its way there and back is timed.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

FPS = 30
_NUM_BITS = 10
_CELL_PX = 12
_TOP_PX = 4
_SETTLE_S = 8.0  # networks warm up, rates and averages fill
_STANDSTILL_S = 15.0
_PATIENCE_S = 240.0
_TICKS = 90_000
_TILE = re.compile(r'fc-tile-word">([^<]+)</div><div class="fc-tile-value">([^<]+)<')

UInt8Array = npt.NDArray[np.uint8]


def paint_number(picture_bgr: UInt8Array, number: int) -> None:
    """Write a picture's number into its top edge, as black and white squares."""
    for bit in range(_NUM_BITS):
        shade = 235 if number >> bit & 1 else 16
        for middle in _middles(picture_bgr.shape[1], bit):
            left = middle - _CELL_PX // 2
            picture_bgr[_TOP_PX : _TOP_PX + _CELL_PX, left : left + _CELL_PX] = shade


def read_number(luma: UInt8Array) -> int:
    """Return the number that a picture wears.

    Args:
        luma: uint8 array of shape (H, W): its brightness.
    """
    row = luma[_TOP_PX + _CELL_PX // 2]
    return sum(1 << bit for bit in range(_NUM_BITS) if row[_middles(luma.shape[1], bit)[0]] > 128)


def _middles(width: int, bit: int) -> tuple[int, int]:
    """Return where a bit stands, twice: the page turns pictures like a mirror."""
    offset = (bit + 1) * 2 * _CELL_PX
    return width // 2 - offset, width // 2 + offset - 1


class CameraTrack(MediaStreamTrack):
    """Sends the packets of a file over and over, 30 a second."""

    kind = "video"

    def __init__(self, path: Path) -> None:
        super().__init__()
        with av.open(str(path)) as container:
            self._packets = [bytes(p) for p in container.demux(video=0) if p.size]
        self._next, self._start_s = 0, 0.0
        self.sent_s: dict[int, float] = {}

    async def recv(self) -> av.Packet:
        """Return the next packet when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        self._start_s = self._start_s or time.perf_counter()
        await asyncio.sleep(self._start_s + self._next / FPS - time.perf_counter())
        number = self._next % len(self._packets)
        packet = av.Packet(self._packets[number])
        packet.pts, packet.time_base = self._next * _TICKS // FPS, Fraction(1, _TICKS)
        self.sent_s[number] = time.perf_counter()
        self._next += 1
        return packet


class StreamlitPage:
    """A page of the dashboard, as its own frontend would hold it."""

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self._socket, self._url, self._page = socket, url, ""
        self._values: dict[str, str] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self.component_id = asyncio.get_running_loop().create_future()
        self.answer = asyncio.get_running_loop().create_future()
        self.tiles: dict[str, list[float]] = {}
        self.errors: list[str] = []

    async def rerun(self, fragment: str = "") -> None:
        """Ask for a run of the page, or of one of its parts."""
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.page_script_hash = ("", self._page) if self._page else ("live", "")
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.context_info.url = self._url
        state.context_info.timezone = "UTC"
        for widget, value in self._values.items():
            state.widget_states.widgets.add(id=widget, json_value=value)
        await self._socket.send(message.SerializeToString())

    async def set_component(self, value: object) -> None:
        """Tell the server the streaming component's value."""
        self._values[await self.component_id] = json.dumps(value)
        await self.rerun()

    async def listen(self) -> None:
        """Take in what the server sends until the connection ends."""
        async for data in self._socket:
            message = ForwardMsg()
            message.ParseFromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                self._stop_timers()
            elif kind == "navigation":
                self._page = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                self._start_timer(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "delta":
                self._take_in(message.delta.new_element)

    def fail(self, listening: asyncio.Task[None]) -> None:
        """Tell whoever waits for the server that it is not listened to any more."""
        for future in (self.component_id, self.answer):
            if not future.done():
                future.set_exception(listening.exception() or ConnectionError("the page is gone"))

    def _take_in(self, element: object) -> None:
        kind = element.WhichOneof("type")
        if kind == "component_instance" and "webrtc" in element.component_instance.component_name:
            component = element.component_instance
            if not self.component_id.done():
                self.component_id.set_result(component.id)
            answer = json.loads(component.json_args).get("sdp_answer_json")
            if answer and not self.answer.done():
                self.answer.set_result(json.loads(answer))
        elif kind == "html":
            for word, value in _TILE.findall(element.html.body):
                if digits := re.match(r"\d+", value):
                    self.tiles.setdefault(word, []).append(float(digits[0]))
        elif kind in ("exception", "alert") and "error" in str(element).lower():
            self.errors.append(str(element)[:300])

    def _start_timer(self, fragment: str, interval_s: float) -> None:
        async def repeat() -> None:
            while True:
                await asyncio.sleep(interval_s)
                await self.rerun(fragment)

        if fragment in self._timers:
            self._timers.pop(fragment).cancel()
        self._timers[fragment] = asyncio.create_task(repeat())

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


async def connect_stream(page: StreamlitPage, camera: CameraTrack) -> RTCPeerConnection:
    """Bring up the WebRTC connection through the page's component."""
    peer = RTCPeerConnection()
    peer.addTrack(camera)
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"sdp": peer.localDescription.sdp, "type": peer.localDescription.type}
    await page.set_component({"playing": False, "sdpOffer": offer})
    answer = await asyncio.wait_for(page.answer, _PATIENCE_S)
    received: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
    peer.on("track", received.set_result)
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    await page.set_component({"playing": True})
    peer.incoming = await asyncio.wait_for(received, _PATIENCE_S)
    return peer


async def watch(
    track: MediaStreamTrack, camera: CameraTrack, end: asyncio.Future[object]
) -> tuple[list[float], list[float]]:
    """Receive until the end; return when new pictures came, and their ways, in seconds."""
    times_s, ways_s, last = [], [], -1
    while not end.done():
        try:
            frame = await asyncio.wait_for(track.recv(), _STANDSTILL_S)
        except TimeoutError:
            raise SystemExit(f"no picture came for {_STANDSTILL_S:.0f} s") from None
        number = read_number(np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1))
        if number != last and number in camera.sent_s:
            times_s.append(time.perf_counter())
            ways_s.append(times_s[-1] - camera.sent_s[number])
        last = number
    return times_s, ways_s


async def run(url: str, camera_path: Path, seconds: float) -> dict[str, object]:
    """Be a user for so long; return what they saw."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(
        address, subprotocols=["streamlit"], max_size=None, ping_interval=None
    ) as socket:
        page = StreamlitPage(socket, f"{url}/live")
        listening = asyncio.create_task(page.listen())
        listening.add_done_callback(page.fail)
        await page.rerun()
        await asyncio.wait_for(page.component_id, _PATIENCE_S)
        camera = CameraTrack(camera_path)
        peer = await connect_stream(page, camera)
        await watch(peer.incoming, camera, asyncio.ensure_future(asyncio.sleep(_SETTLE_S)))
        page.tiles.clear()
        print("watching", flush=True)
        waiting = asyncio.sleep(seconds) if seconds else asyncio.to_thread(sys.stdin.read)
        times_s, ways_s = await watch(peer.incoming, camera, asyncio.ensure_future(waiting))
        numbers = {word: statistics.mean(values) for word, values in page.tiles.items()}
        people = page.tiles.get("People", [0])[-1]
        await page.set_component({"playing": False})
        await peer.close()
        listening.cancel()
    return {
        "analysed_fps": numbers.get("Analysed", 0.0),
        "displayed_fps": (len(times_s) - 1) / (times_s[-1] - times_s[0]),
        "longest_pause_s": float(np.diff(times_s).max()),
        "analysis_ms": numbers.get("Delay", float("inf")),
        "way_ms": statistics.mean(ways_s) * 1000,
        "people": people,
        "errors": page.errors,
    }


if __name__ == "__main__":
    result = asyncio.run(run(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(result), flush=True)
