"""What Jira asks for when an issue is created, compared with what this program sends: pure, before there is an issue.

Which fields a new issue has is decided by its project and type. Jira refuses the whole issue for a field that is not on that
screen, and for one that is demanded there and missing.

>>> from types import SimpleNamespace
>>> config = SimpleNamespace(project="NET", issue_type="Task", fields={}, priorities={"critical": "1"})
>>> fields = [{"fieldId": name, "required": False} for name in ("summary", "description", "labels")]
>>> [each.found for each in concerns(config, [{"id": "10001", "name": "Task"}], lambda kind: fields)]
['Jira: Task in NET has no priority when it is created; tickets get none']

Not here: asking Jira (`api`), and what is sent (`api`, too).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from mist_pipeline.delivery.sink import Concern
from mist_pipeline.delivery.tickets.client import dig, rows_of, text_of
from mist_pipeline.delivery.tickets.jira.config import JiraConfig
from mist_pipeline.http_client.failures import excerpt

_OURS = frozenset({"summary", "description", "labels"})
_FILLED_BY_JIRA = frozenset({"project", "issuetype", "priority", "reporter"})


def concerns(
    config: JiraConfig, kinds: Sequence[object], fields_of: Callable[[str], Sequence[object]]
) -> list[Concern]:
    """What is in the way of new issues.

    Args:
        config: What is sent.
        kinds: Issue types that the account may create in the project.
        fields_of: Id of an issue type → its fields when it is created.
    """
    wanted = config.issue_type
    kind = next((each for each in kinds if wanted in (text_of(each, "id"), text_of(each, "name"))), None)
    if kind is None:
        known = ", ".join(excerpt(text_of(each, "name")) for each in kinds) or "none for this account"
        text = f"Jira: {config.project} has no issue type {wanted!r}; there are: {known}"
        return [Concern(text, "set issue_type, or let the account create issues there", is_hindrance=True)]
    # Cloud calls it fieldId and key, Data Center fieldId alone.
    about = {
        text_of(each, "fieldId") or text_of(each, "key"): each for each in fields_of(text_of(kind, "id"))
    }
    where = f"{wanted} in {config.project}"
    return [*_fields(config, about, where), *_priorities(config, about, where)]


def _fields(config: JiraConfig, about: Mapping[str, object], where: str) -> Iterator[Concern]:
    """Fields that are sent and not there, or demanded and not sent."""
    sent = _OURS | config.fields.keys()
    for name in sorted(sent - about.keys()):
        other = ", or take it out of fields" if name in config.fields else ""
        fix = f"add {name} to the screen of new issues{other}"
        yield Concern(f"Jira: {where} has no {name} when it is created", fix, is_hindrance=True)
    for name in sorted(about.keys() - sent - _FILLED_BY_JIRA):
        is_demanded = dig(about[name], "required") is True and dig(about[name], "hasDefaultValue") is not True
        if is_demanded:
            title = excerpt(text_of(about[name], "name")) or name
            fix = f"give {name} in fields of the sink, or make it optional"
            yield Concern(f"Jira: {where} demands {title}", fix, is_hindrance=True)


def _priorities(config: JiraConfig, about: Mapping[str, object], where: str) -> Iterator[Concern]:
    if not config.priorities:
        return
    if "priority" not in about:
        text = f"Jira: {where} has no priority when it is created; tickets get none"
        yield Concern(text, "set priorities: {} on the sink, or add priority to the screen of new issues")
        return
    allowed = rows_of(about["priority"], "allowedValues")
    known = {text_of(each, name) for each in allowed for name in ("id", "name")}
    for value in sorted(set(config.priorities.values()) - known) if allowed else ():
        text = f"Jira: {where} has no priority {value!r}; tickets of that severity get none"
        yield Concern(text, "set priorities of the sink to ids or names that there are")
