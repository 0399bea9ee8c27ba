"""Honest stations that report in real time, in a process of their own, and how long each of their events waits for its Ack."""
import asyncio
import multiprocessing
import statistics
import time

from cabinet import fields, varint
from programs import Failure, expect, expect_equal
from uplink import ACK, WELCOME, Journal, Peer, encoded, station_key

LATEST_S = 30  # An event that waits longer for its Ack has been forgotten.


def event(uptime_ms, compartment):
    """InService of docs/spec/wire.md, 2."""
    return b"\x08\x01\x10" + encoded(uptime_ms) + b"\xda\x01\x02\x08" + encoded(compartment)


def p99(values):
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else max(values, default=0)


async def _acknowledged(reader, pending, seq):
    """Reads until an Ack says that `seq` is durable; what came after it."""
    while True:
        size, at = varint(pending + b"\0" * 5, 0)
        if pending and len(pending) >= at + size:
            (kind, body), = fields(pending[at + 1:at + size]).items()
            expect_equal(kind, ACK, "what an honest station is told")
            pending = pending[at + size:]
            if fields(body).get(2, 0) == seq:
                return pending
            continue
        chunk = await asyncio.wait_for(reader.read(4096), LATEST_S)
        expect(chunk, "an honest station's connection was closed")
        pending += chunk


async def _report(peer, name, every_s, stopped, samples):
    journal, pending = Journal(name), b""
    reader, writer = await asyncio.open_connection(sock=peer.line)
    due = time.monotonic() + every_s * (hash(name) % 97) / 97
    while not stopped.is_set():
        await asyncio.sleep(max(0, due - time.monotonic()))
        writer.write(journal.batch(event(journal.seq + 1, 1 + journal.seq % 60)))
        pending = await _acknowledged(reader, pending, journal.seq)
        samples.append((due, time.monotonic() - due))  # From when it was due: whoever is late counts for those behind it.
        due += every_s
    writer.close()


async def _all(peers, every_s, stopped, samples):
    await asyncio.gather(*(_report(peer, name, every_s, stopped, samples) for name, peer in peers.items()))


def _run(port, fleet_key, names, every_s, ready, stopped, to_parent):
    samples, error = [], None
    try:
        peers = {name: Peer(port) for name in names}
        for name, peer in peers.items():
            expect_equal(peer.greet(name, station_key(fleet_key, name))[0], WELCOME, f"the answer to {name}")
            peer.line.setblocking(False)
        ready.set()
        asyncio.run(_all(peers, every_s, stopped, samples))
    except (Failure, OSError, asyncio.TimeoutError) as failure:
        error = str(failure) or type(failure).__name__
    to_parent.send((samples, error))


class Fleet:
    """Starts when it is made; end() tells what it has met."""

    def __init__(self, port, fleet_key, names, every_s=0.2):
        self.stopped = multiprocessing.Event()
        ready = multiprocessing.Event()
        self.from_child, to_parent = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=_run, args=(port, fleet_key, names, every_s, ready, self.stopped, to_parent), daemon=True)
        self.process.start()
        expect(ready.wait(30), "the honest stations did not get their sessions")

    def end(self):
        """[(when it was due, seconds until its Ack)] of every event; all are durable. Raises what went wrong."""
        self.stopped.set()
        expect(self.from_child.poll(LATEST_S + 10), "the honest stations do not end")
        samples, error = self.from_child.recv()
        self.process.join(10)
        expect(error is None, f"an honest station: {error}")
        return samples
