"""Files for organisations that a provider's token reaches: keys that can stand, texts that survive every name."""

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mist_pipeline.settings.model import KEY, LONGEST_KEY
from mist_pipeline.settings.organisations import RESERVED
from mist_pipeline.settings.proposing import file_text, key_of


@settings(max_examples=50)
@given(st.lists(st.text(max_size=40) | st.sampled_from(["Acme", "ACME ", "live", "a" * 30]), max_size=8))
def test_every_list_of_names_gets_keys_that_are_valid_and_unlike_each_other(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        key = key_of(name, taken)
        assert KEY.fullmatch(key)
        assert len(key) <= LONGEST_KEY
        assert key not in taken | RESERVED
        taken.add(key)


@given(st.text(max_size=60), st.sampled_from(["", "Europe/Berlin"]))
def test_the_file_of_every_name_is_yaml_that_says_it(name: str, timezone: str) -> None:
    document = yaml.safe_load(file_text(name, "8d3f0c56", timezone))
    assert document["mist"] == {"org_id": "8d3f0c56"}
    assert isinstance(document["organisation"]["name"], str)
    assert document["organisation"].get("timezone", "") == timezone
