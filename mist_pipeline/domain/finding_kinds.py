"""What the kinds of findings are called where people read them. Which kinds there are is ``analysis.findings``.

>>> kind_title("health_drop"), kind_title("my_own")
('Drop of health', 'My own')
"""

from collections.abc import Mapping

TITLES: Mapping[str, str] = {
    "threshold": "Low score",
    "site_down": "Site down",
    "trend": "Falling score",
    "pre_warning": "Prediction",
    "baseline": "Far from usual",
    "anomaly": "Unusual site",
    "health_drop": "Drop of health",
    "correlation": "Common cause",
    "mist_alarm": "Mist alarm",
    "collector": "Collection of data",
    "evidence": "Excess trouble",
    "pipeline": "The pipeline",
}


def kind_title(kind: str) -> str:
    """Title of a kind of finding; an unknown one is spelt in words, and is as hostile as it came."""
    words = kind.replace("_", " ").replace("-", " ")
    return TITLES.get(kind) or words[:1].upper() + words[1:]
