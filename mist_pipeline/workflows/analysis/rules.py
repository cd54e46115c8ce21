"""The settings as the values that ``analysis`` and ``report`` take: bands, gates, rules.

Here: one function for each class of rules. Not here: defaults (they stand beside the method, in ``analysis``) and keys
(``settings``).
"""

from mist_pipeline.analysis.anomalies.isolation_forest import AnomalySettings
from mist_pipeline.analysis.baselines.deviations import DeviationRules
from mist_pipeline.analysis.detection import DetectionRules
from mist_pipeline.analysis.evidence.gates import STRICTNESS, NotableOptions
from mist_pipeline.analysis.findings.series_rules import FindingRules
from mist_pipeline.analysis.risks.risk import RiskRules
from mist_pipeline.analysis.scores.bands import Bands, UserGate
from mist_pipeline.analysis.scores.health import HealthRules
from mist_pipeline.analysis.scores.trends import TrendRules
from mist_pipeline.analysis.stats.parallel import Compute
from mist_pipeline.settings import Settings


def default_bands(settings: Settings) -> Bands:
    """The severity bands of every metric without its own."""
    return _bands(settings, "default")


def bands_by_metric(settings: Settings) -> dict[str, Bands]:
    """The severity bands of single metrics."""
    return {name: _bands(settings, name) for name in settings.sle_thresholds if name != "default"}


def gate(settings: Settings) -> UserGate:
    """How many users a day needs before it is classified."""
    return UserGate(settings.thresholds.min_users, settings.thresholds.min_user_minutes)


def families(settings: Settings) -> dict[str, str]:
    """Metric → family."""
    return {metric.name: metric.family for metric in settings.metrics}


def trend_rules(settings: Settings) -> TrendRules:
    """When a change is a trend."""
    return TrendRules(degradation_pct=settings.thresholds.trend_degradation_percent, gate=gate(settings))


def deviation_rules(settings: Settings) -> DeviationRules:
    """When a score deviates from its baseline."""
    return DeviationRules(max_sigma=settings.thresholds.deviation_sigma, gate=gate(settings))


def risk_rules(settings: Settings) -> RiskRules:
    """What is asked of the future of every series."""
    return RiskRules(
        bands=bands_by_metric(settings),
        default_bands=default_bands(settings),
        pre_warning_pct=settings.pre_warning_lines,
        forecast_days=settings.thresholds.forecast_days,
    )


def anomaly_settings(settings: Settings) -> AnomalySettings:
    """How much the forest may say."""
    return AnomalySettings(budget_per_1000=settings.thresholds.anomalies_per_1000)


def health_rules(settings: Settings) -> HealthRules:
    """How health is scored."""
    return HealthRules(
        metrics=tuple(metric.name for metric in settings.metrics),
        method=settings.health.method,
        bands=default_bands(settings),
        by_metric=bands_by_metric(settings),
        gate=gate(settings),
        forecast_days=settings.thresholds.forecast_days,
    )


def finding_rules(settings: Settings) -> FindingRules:
    """What fires a rule."""
    return FindingRules(
        families=families(settings),
        titles={metric.name: metric.title for metric in settings.metrics},
        bands=default_bands(settings),
        by_metric=bands_by_metric(settings),
        pre_warning_pct=settings.pre_warning_lines,
    )


def detection_rules(settings: Settings) -> DetectionRules:
    """What detection takes: rules of findings, names for the words of causes."""
    return DetectionRules(
        findings=finding_rules(settings),
        names=settings.organisation.names,
        gates=NotableOptions(strictness=STRICTNESS[settings.alerts.sensitivity]),
    )


def compute(settings: Settings) -> Compute:
    """Where forecasts are made."""
    chosen = settings.compute
    return Compute(engine=chosen.engine, workers=chosen.workers, scheduler=chosen.scheduler)


def _bands(settings: Settings, name: str) -> Bands:
    band = settings.bands_of(name)
    return Bands(band.critical, band.major, band.warning)
