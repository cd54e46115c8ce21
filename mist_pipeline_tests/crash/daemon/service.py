"""What `mist-pipeline daemon` runs, without its web page: lock, funeral of the dead, code server, Dagster's daemon, sensors.

``python -m mist_pipeline_tests.crash.daemon.service``; says *ready* when runs can begin. Schedules stay off, since the day is not the
real one: the harness is the clock.
"""

import subprocess
import sys
from datetime import UTC, datetime

from mist_pipeline.cli.code_location.files import CODE_LOCATION
from mist_pipeline.cli.code_location.forks import Location
from mist_pipeline.cli.code_location.server import code_server
from mist_pipeline.cli.dagster_home import environment, instance
from mist_pipeline.cli.together import hear_signals, run_together
from mist_pipeline.defs.runs.dead import bury_the_dead
from mist_pipeline.defs.scope import ALONE
from mist_pipeline.settings import load_settings
from mist_pipeline.workflows.running.folder_lock import take_folder


def main() -> None:
    """Serve until somebody ends it."""
    hear_signals()
    settings = load_settings()
    lock = take_folder(settings.data, "crash test", "nowhere", datetime.now(UTC))
    with instance(settings) as opened:
        bury_the_dead(opened, not_launched=[ALONE])
        has_sensors = bool(opened.all_instigator_state())
    env = environment(settings)
    with code_server(env, {Location(CODE_LOCATION): ()}, keep_open=[lock.descriptor]) as server:
        workspace = str(server.workspace)
        if not has_sensors:
            command = ["-m", "dagster", "sensor", "start", "--start-all", "--workspace", workspace]
            subprocess.run([sys.executable, *command], env=env, check=True, stdout=subprocess.DEVNULL)
        print("ready", flush=True)
        daemon = [sys.executable, "-m", "dagster._daemon", "run", "--workspace", workspace]
        run_together([daemon], env, keep_open=[lock.descriptor], beside=[server.process])


if __name__ == "__main__":
    main()
