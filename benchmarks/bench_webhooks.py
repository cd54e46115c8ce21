"""How long a webhook of Mist waits for its answer: over HTTP, one message after another, each on the disk before it is answered.

Run with ``.venv/bin/python -m benchmarks webhooks``. Beside the seconds of a clock, which other work on the machine lengthens, it
prints the CPU of both sides.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import requests

from mist_pipeline.http_client.secrets import Secret
from mist_pipeline.push.application import SIGNATURE
from mist_pipeline.push.message import sign
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.pushing.receive import receiving
from mist_pipeline_tests.support.pushes import SECRET, raw, updown
from mist_pipeline_tests.support.web.serving import serving


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300)
    given = parser.parse_args(arguments)
    print(f"{given.messages} messages {'median':>24} {'95 of 100':>12} {'slowest':>10} {'CPU':>9}")
    for events in (1, 10, 100):
        with tempfile.TemporaryDirectory() as folder:
            seconds, cpu = _seconds(Path(folder), given.messages, events)
        ranked = sorted(seconds)
        print(
            f"events of {events:3} sites in a message {statistics.median(ranked) * 1000:6.1f} ms "
            f"{ranked[int(len(ranked) * 0.95)] * 1000:9.1f} ms {ranked[-1] * 1000:7.1f} ms {cpu * 1000:6.1f} ms"
        )


def _seconds(folder: Path, messages: int, events: int) -> tuple[list[float], float]:
    """Seconds of each answer, and CPU seconds of one."""
    app = receiving(
        load_settings(environment={"MIST_PIPELINE_DATA": str(folder), "MIST_WEBHOOK_SECRET": SECRET})
    )
    assert app is not None
    found = []
    with serving(app) as address:
        used = time.process_time()
        for number in range(messages):
            now = datetime.now(UTC)
            some = [
                updown("AP_DISCONNECTED", f"{number:06x}{one:06x}", now, f"site-{one}")
                for one in range(events)
            ]
            body = raw({"topic": "device-updowns", "events": some})
            headers = {"Content-Type": "application/json", SIGNATURE: sign(body, Secret(SECRET))}
            begun = time.perf_counter()
            answer = requests.post(f"{address}/mist", data=body, headers=headers, timeout=60)
            found.append(time.perf_counter() - begun)
            answer.raise_for_status()
        return found, (time.process_time() - used) / messages


if __name__ == "__main__":
    main()
