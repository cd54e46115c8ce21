"""A simulated Mist cloud with labelled incidents, in Python and over HTTP.

What belongs here: the world (sites, users, service levels, incidents), and a server that speaks the cloud's dialect.
What does not: the client (`mist_pipeline.mist`), judging what is seen (`mist_pipeline.analysis`).

Two doors. `World` gives frames in the shapes of the history tables and the planted truth, for tests of analysis;
`serve` (in `mist_pipeline.simulator.cloud.server`) gives the same readings over HTTP, without the truth.

The way through the rooms: `randomness` (a number for any cell, in any order) → `organisation` (who there is) →
`opening` (when people are there) → `plants` and `planting` (what goes wrong) → `readings` (what is measured) →
`frames` (history tables) and `documents`, `alarms`, `server` (HTTP).
"""

from mist_pipeline.simulator.world.scenario import Incident, Plant
from mist_pipeline.simulator.world.world import ORG_ID, World

__all__ = ["ORG_ID", "Incident", "Plant", "World"]
