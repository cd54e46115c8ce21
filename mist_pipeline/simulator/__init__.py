"""A simulated Mist cloud with labelled incidents, in Python and over HTTP.

What belongs here: the world (sites, users, service levels, incidents), and a server that speaks the cloud's dialect.
What does not: the client (``mist``), and finding out what is wrong (``analysis``).

There are two ways in. `World` gives frames in the shapes of the history tables, and the true incidents, for tests of
analysis; `serve` (in ``simulator.cloud.server``) gives the same measurements over HTTP, without the truth.

The order of the modules in ``world``: `randomness` (a number for any cell, in any order) → `organisation` (sites and
devices) → `opening_hours` (when people are there) → `scenario` and `scenario_sampling` (what goes wrong) →
`metric_profiles` and `measurements` (what is measured) → `direct_frames` (history tables) → `world`.

>>> from datetime import timedelta
>>> world = World(sites=3, days=2, seed=7)
>>> frames = world.history(world.first_day, world.first_day + timedelta(days=1))
>>> frames["sle_hourly"].height == 3 * 48 * 8  # sites × hours × Wi-Fi metrics
True
"""

from mist_pipeline.simulator.world.scenario import LabelledIncident, Scenario
from mist_pipeline.simulator.world.world import ORG_ID, World

__all__ = ["ORG_ID", "LabelledIncident", "Scenario", "World"]
