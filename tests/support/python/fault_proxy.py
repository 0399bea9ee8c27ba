"""A TCP proxy between stations and centre that does to each connection what its plan says."""
import asyncio
import collections
import dataclasses
import random
import threading

READ_SIZE = 65_536
CONNECT_S = 5
TRICKLE_S = 1.0  # Between two bytes.


@dataclasses.dataclass
class Way:
    """What happens to one direction of a connection; places are bytes or frames since its beginning, from 0."""
    cut_at: int | None = None  # Both directions end once so many bytes have passed.
    swallow_at: int | None = None  # From there on nothing passes; the connection stays open.
    trickle_at: int | None = None  # From there on one byte a second.
    delay_s: float = 0.0  # At the most, drawn for each piece.
    pieces: bool = False  # Passed on in small pieces of random sizes.
    frames: dict = dataclasses.field(default_factory=dict)  # Number of a frame: "lost", "twice", or bytes to put before it.

    def faulty(self):
        return self != Way()


@dataclasses.dataclass
class Plan:
    up: Way = dataclasses.field(default_factory=Way)  # Station to centre.
    down: Way = dataclasses.field(default_factory=Way)
    abort: bool = False  # Cut with a reset, else in order.
    forgets_centre: bool = False  # When the station closes, the centre is not told.
    then_cut_s: float | None = None  # So long after its fault the connection ends, if it has survived that.


class FrameEditor:
    """Cuts a stream into the uplink's frames (docs/spec/wire.md 1) and loses, repeats or precedes some of them."""

    def __init__(self, edits):
        self.edits = edits
        self.struck = 0
        self._number = 0
        self._rest = b""

    def _frame_size(self):
        """Of the first frame, its length included; None: not all of it is there."""
        length = 0
        for i, byte in enumerate(self._rest[:5]):
            length |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                return i + 1 + length if len(self._rest) >= i + 1 + length else None
        return None

    def edit(self, data):
        self._rest += data
        out = b""
        while self._rest:
            size = self._frame_size()
            if size is None:
                break
            frame, self._rest = self._rest[:size], self._rest[size:]
            edit = self.edits.get(self._number)
            self._number += 1
            self.struck += edit is not None
            if edit == "twice":
                out += frame + frame
            elif edit != "lost":
                out += (edit or b"") + frame
        return out


class _Connection:
    def __init__(self, proxy, plan, station, centre):
        self.proxy, self.plan = proxy, plan
        self.station, self.centre = station, centre  # (reader, writer) each.
        self.counted = False

    def strike(self):
        """The plan's fault has come to pass; counted once."""
        if not self.counted:
            self.counted = True
            self.proxy.struck += 1
            if self.plan.then_cut_s is not None:
                asyncio.get_running_loop().call_later(self.plan.then_cut_s, self.end, self.plan.abort)

    def end(self, abort):
        for _, writer in (self.station, self.centre):
            if abort:
                writer.transport.abort()
            else:
                writer.close()

    async def _pass(self, writer, data, way):
        rng = self.proxy.rng
        while data:
            size = rng.randint(1, 40) if way.pieces else len(data)
            if way.delay_s:
                await asyncio.sleep(rng.uniform(0, way.delay_s))
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]

    async def _trickle(self, writer, data):
        for i in range(len(data)):
            self.strike()
            writer.write(data[i:i + 1])
            await writer.drain()
            await asyncio.sleep(TRICKLE_S)

    async def _direction(self, reader, writer, way):
        passed = 0
        editor = FrameEditor(way.frames)
        while data := await reader.read(READ_SIZE):
            if way.frames:
                data = editor.edit(data)
                if editor.struck == len(way.frames):
                    self.strike()
            if way.delay_s or way.pieces:
                self.strike()
            stop = min((at for at in (way.cut_at, way.swallow_at, way.trickle_at) if at is not None), default=None)
            whole = data if stop is None else data[:max(0, stop - passed)]
            await self._pass(writer, whole, way)
            rest, passed = data[len(whole):], passed + len(whole)
            if way.cut_at is not None and passed >= way.cut_at:
                self.strike()
                self.end(self.plan.abort)
                return
            if rest and way.trickle_at is not None:
                await self._trickle(writer, rest)
            elif rest:
                self.strike()  # Swallowed.

    async def run(self):
        up = asyncio.create_task(self._direction(self.station[0], self.centre[1], self.plan.up))
        down = asyncio.create_task(self._direction(self.centre[0], self.station[1], self.plan.down))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            centre_went = down.done()
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            self.station[1].close()
            if not self.plan.forgets_centre or centre_went:
                self.centre[1].close()


class FaultProxy:
    """Listens on a port of its own. Connections take the next plan each; without one they are passed on as they are."""

    def __init__(self, centre_port, seed):
        self.centre_port = centre_port
        self.rng = random.Random(seed)
        self.plans = collections.deque()
        self.struck = 0  # Connections whose fault came to pass.
        self.accepted = 0
        self.port = None
        self._open = set()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(CONNECT_S)

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()

    async def _accept(self, reader, writer):
        plan = self.plans.popleft() if self.plans else Plan()
        self.accepted += 1
        if plan.up.cut_at == 0 or plan.down.cut_at == 0:
            self.struck += 1
            writer.transport.abort() if plan.abort else writer.close()
            return
        try:
            centre = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.centre_port), CONNECT_S)
        except (OSError, asyncio.TimeoutError):
            writer.close()
            return
        connection = _Connection(self, plan, (reader, writer), centre)
        self._open.add(connection)
        await connection.run()
        if not plan.forgets_centre:
            self._open.discard(connection)

    def heal(self):
        """Honest from now on: no plan is left, and connections with one end."""
        def end():
            self.plans.clear()
            for connection in list(self._open):
                if connection.plan != Plan():
                    connection.end(abort=False)
                    self._open.discard(connection)
        self._loop.call_soon_threadsafe(end)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT_S)
