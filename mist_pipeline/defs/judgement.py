"""The settings as the values that ``analysis`` and ``report`` take: bands, gates, rules."""

from mist_pipeline.analysis.severity import Bands, UserGate
from mist_pipeline.analysis.trends import TrendRules
from mist_pipeline.settings import Settings


def default_bands(settings: Settings) -> Bands:
    """The severity bands of every metric without its own."""
    return _bands(settings, "default")


def bands_by_metric(settings: Settings) -> dict[str, Bands]:
    """The severity bands of single metrics."""
    return {name: _bands(settings, name) for name in settings.sle_thresholds if name != "default"}


def gate(settings: Settings) -> UserGate:
    """How many users a day needs before it may be judged."""
    return UserGate(settings.thresholds.min_users, settings.thresholds.min_user_minutes)


def trend_rules(settings: Settings) -> TrendRules:
    """When a change is a trend."""
    return TrendRules(degradation_pct=settings.thresholds.trend_degradation_percent, gate=gate(settings))


def _bands(settings: Settings, name: str) -> Bands:
    band = settings.bands_of(name)
    return Bands(band.critical, band.major, band.warning)
