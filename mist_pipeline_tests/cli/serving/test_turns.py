"""Several machines: what they cannot share is refused, and one that is needed becomes active and stands by again."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mist_pipeline.alerts.machines.lease import MachineNameTakenError
from mist_pipeline.cli.serving import turns
from mist_pipeline.cli.together import Helper
from mist_pipeline.workflows.running.keeping import Keeper
from mist_pipeline.workflows.running.term import Term
from mist_pipeline_tests.support.cli.calls import Call

TWO = {"MIST_PIPELINE__MONITORING__MACHINES": "2"}
SERVER = {"MIST_PIPELINE__ALERTS__LEDGER": "postgresql://nobody@192.0.2.1/ledger"}


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        (TWO, "monitoring.machines is 2, and the ledger is a file: set alerts.ledger"),
        (TWO | SERVER, "monitoring.machines is 2, and Dagster's own storage is on this machine"),
    ],
    ids=["ledger", "Dagster"],
)
def test_what_machines_cannot_share_is_named(configured: dict[str, str], said: str, call: Call) -> None:
    ended = call("daemon", "--port", "0", "--web-port", "0", **configured)
    assert said in ended.text
    assert ended.code == 2


def test_of_several_organisations_those_with_a_ledger_of_this_machine_are_named(
    folder: Path, call: Call
) -> None:
    for key in ("acme", "globex", "initech"):
        file = folder / "config" / "organisations" / f"{key}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("organisation: {timezone: UTC}\n", encoding="utf-8")
    own = {"MIST_PIPELINE_GLOBEX__ALERTS__LEDGER": "postgresql://nobody@192.0.2.1/globex"}
    ended = call("daemon", "--port", "0", "--web-port", "0", **TWO, **own)
    assert "monitoring.machines is 2, and the ledger of acme, initech is a file" in ended.text
    assert ended.code == 2


def test_the_ui_alone_is_that_of_the_active_machine(call: Call) -> None:
    ended = call("ui", "--port", "0", **TWO, **SERVER)
    assert ended.code == 2
    assert "the UI of the active one's daemon" in ended.text.replace("│ ", "")


class ScriptedLease:
    """Answers claims as it was told; the last answer is an interruption."""

    def __init__(self, claims: Sequence[int | BaseException | None]) -> None:
        self.claims = list(claims)
        self.released: list[int] = []

    def appear(self, _is_same_machine: Callable[[str], bool]) -> None:
        pass

    def claim(self) -> int | None:
        answer = self.claims.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def renew(self, _term: int) -> bool:
        return True

    def release(self, term: int) -> None:
        self.released.append(term)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(turns, "hear_signals", lambda: None)


def test_a_machine_serves_stands_by_and_serves_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lease = ScriptedLease([None, 3, None, None, 5, KeyboardInterrupt()])
    keeper = Keeper(lease, tmp_path)
    served: list[int] = []

    def serve(term: Term, look: Callable[[], None]) -> bool:
        served.append(term.number)
        look()
        if term.number == 3:
            term.end()  # as one that could not renew
            look()
        return True

    assert turns.take_turns(keeper, {}, [], serve)
    assert served == [3, 5]
    assert lease.released == [5], "one that was lost is not ours to release"
    assert "is the active machine no more" in capsys.readouterr().err


def test_what_runs_on_every_machine_ends_with_one_that_is_interrupted_before_it_serves(
    tmp_path: Path,
) -> None:
    console = Helper("The console", ["sleep", "60"])
    lease = ScriptedLease([None, 3])

    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turns.take_turns(Keeper(lease, tmp_path), {}, [console], interrupted)
    assert console.running is not None
    assert console.running.poll() is not None
    assert lease.released == [3]


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), MachineNameTakenError("also called noc")])
def test_what_runs_on_every_machine_ends_with_the_daemon(ending: BaseException, tmp_path: Path) -> None:
    console = Helper("The console", ["sleep", "60"])
    keeper = Keeper(ScriptedLease([None, ending]), tmp_path)
    if isinstance(ending, KeyboardInterrupt):
        assert turns.take_turns(keeper, {}, [console], lambda *_: False)
    else:
        with pytest.raises(MachineNameTakenError):
            turns.take_turns(keeper, {}, [console], lambda *_: False)
    assert console.running is not None
    assert console.running.poll() is not None
