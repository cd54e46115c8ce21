"""Processes that live together: what the service needs ends it, what it can do without does not."""

import sys
from pathlib import Path

import pytest

from mist_pipeline.cli.together import ClockSteppedBackError, ClockWatch, Helper, end, run_together
from mist_pipeline.workflows.running.processes import name_of_process

pytestmark = pytest.mark.slow


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_helper_that_cannot_run_ends_nothing_and_is_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starts = tmp_path / "starts"
    busy = python(f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(3)")
    needed = python(
        f"import os, time\nwhile not os.path.exists({str(starts)!r}) or os.path.getsize({str(starts)!r}) < 2:"
        " time.sleep(0.02)"
    )
    assert run_together([needed], {}, [Helper("The listener", busy, pause_seconds=0.0)])
    assert "The listener ended with 3; the rest goes on." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("code", "is_well"), [("", True), ("raise SystemExit(2)", False)])
def test_a_needed_process_that_ends_ends_the_others(code: str, is_well: bool) -> None:
    lasting = Helper("The other", python("import time; time.sleep(60)"))
    assert run_together([python(code), python("import time; time.sleep(60)")], {}, [lasting]) is is_well
    assert lasting.running is not None
    assert lasting.running.returncode is not None


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    # As a run that Dagster's code server waits for.
    started = tmp_path / "started"
    run = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    server = python(f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {run!r}])")
    needed = python(
        f"import os, time\nwhile not os.path.exists({str(started)!r}) or not os.path.getsize({str(started)!r}):"
        " time.sleep(0.02)"
    )
    run_together([server, needed], {})
    assert name_of_process(int(started.read_text())) is None


def test_what_comes_again_and_again_says_nothing_when_it_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beats = tmp_path / "beats"
    again = python(f"open({str(beats)!r}, 'a').write('x'); raise SystemExit(1)")
    needed = python(
        f"import os, time\nwhile not os.path.exists({str(beats)!r}) or os.path.getsize({str(beats)!r}) < 2:"
        " time.sleep(0.02)"
    )
    assert run_together([needed], {}, [Helper("The heartbeat", again, 0.0, longest_seconds=60.0)])
    assert capsys.readouterr().err == ""


def test_what_comes_again_and_again_begins_after_its_pause_and_is_ended_when_it_hangs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    helper = Helper("The heartbeat", python("import time; time.sleep(60)"), 300.0, longest_seconds=120.0)
    helper.watch({}, 1_000.0)
    assert helper.running is None
    helper.watch({}, 1_300.0)
    hanging = helper.running
    assert hanging is not None
    helper.watch({}, 1_420.0)
    assert helper.running is hanging
    helper.watch({}, 1_421.0)
    assert helper.running is None
    assert hanging.returncode is not None
    assert "took longer than 120 s" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("clocks", "is_told"),
    [
        ([(1000.0, 0.0), (1600.0, 600.0)], False),
        ([(1000.0, 0.0), (1400.0, 600.0)], False),
        ([(1000.0, 0.0), (90_000.0, 600.0)], False),
        ([(90_000.0, 0.0), (1000.0, 1.0)], True),
        ([(1000.0, 0.0), (90_000.0, 600.0), (1700.0, 700.0)], True),
    ],
    ids=["nothing", "a few minutes back", "ahead", "back", "ahead and back again"],
)
def test_a_clock_that_is_set_back_is_noticed(clocks: list[tuple[float, float]], is_told: bool) -> None:
    wall, steady = ([one[place] for one in clocks] for place in (0, 1))
    watch = ClockWatch(lambda: wall.pop(0), lambda: steady.pop(0))
    for _ in clocks[2:]:
        watch()
    if is_told:
        with pytest.raises(ClockSteppedBackError, match="minutes"):
            watch()
    else:
        watch()


def test_a_helper_that_is_left_behind_still_holds_the_lock(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        helper = Helper("The console", python("import time; time.sleep(60)"), keep_open=[lock.fileno()])
        helper.watch({}, 0.0)
        assert helper.running is not None
        try:
            held = [Path(link).resolve() for link in Path(f"/proc/{helper.running.pid}/fd").iterdir()]
            assert tmp_path / "lock" in held
        finally:
            end([helper.running])
