"""What the aggregator's store and an image of a journal say of the same events."""
import json
import sqlite3

from programs import expect_equal


def marks(store):
    """Station: (seq, chain) up to which the aggregator has everything; of each station's newest journal."""
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)
    try:
        rows = connection.execute("SELECT s.name, j.seq, j.chain FROM journals j JOIN stations s USING (station_id) ORDER BY j.journal_id")
        return {name: (seq, chain % 2**64) for name, seq, chain in rows}
    finally:
        connection.close()


def exported(lab, image):
    """Events of an image without a fault, as `cubby flash export` gives them."""
    result = lab.run("cubby", "flash", "export", str(image))
    expect_equal(result.returncode, 0, f"flash export: {result.stderr}; exit code")
    return [json.loads(line) for line in result.stdout.splitlines()]
