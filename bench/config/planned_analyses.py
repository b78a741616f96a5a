"""From a preset's ``analyses`` to what will be measured: settings, data, identity. Torch-free."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bench.config import analysis_info
from bench.config.spec import AnalysisChoice, Preset
from bench.data.datasets import Dataset, data_root
from bench.foundation import strict_yaml, versions
from bench.foundation.errors import nearest
from bench.foundation.strict_model import Strict


class AnalysisSpec(Strict):
    """A resolved analysis: all that decides its numbers. Its hash is its identity."""

    name: str
    version: int
    settings: dict[str, Any]
    data: dict[str, str]
    """Data set → content hash, the released weights included."""
    degrade_version: int = versions.DEGRADE_VERSION
    eval_version: int = versions.EVAL_VERSION

    @property
    def id(self) -> str:
        """``<name>-<ten hex digits>``, the name of its results."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def resolve(preset: Preset, document: strict_yaml.Document, datasets: Mapping[str, Dataset]) -> dict[str, AnalysisSpec]:
    """The analyses that a preset names, in its order.

    Raises:
        BenchError: an unknown analysis, setting, data set or a value of another type, or one named twice; with
            file, line and the nearest valid name.
    """
    known = analysis_info.available()
    found: dict[str, AnalysisSpec] = {}
    for i, entry in enumerate(preset.analyses):
        choice = entry if isinstance(entry, AnalysisChoice) else AnalysisChoice(name=entry)
        at = ("analyses", i)
        if choice.name not in known:
            allowed = ", ".join(known)
            hint = nearest(choice.name, known)
            raise document.error(at, f"unknown analysis {choice.name!r}{hint} (allowed: {allowed})")
        if choice.name in found:
            raise document.error(at, f"analysis {choice.name!r} appears twice")
        info = known[choice.name]
        for key, value in choice.settings.items():
            where = (*at, "settings", key)
            if key not in info.settings:
                hint, allowed = nearest(key, info.settings), ", ".join(info.settings)
                raise document.error(where, f"{choice.name}: unknown setting {key!r}{hint} (allowed: {allowed})")
            if type(value) is not type(info.settings[key]):
                kind = type(info.settings[key]).__name__
                raise document.error(where, f"{choice.name}: {key} is a {kind}, as in {info.settings[key]!r}")
        settings = {**info.settings, **choice.settings}
        sets = [settings[key] for key in info.sets]
        for name in sets:
            if name not in datasets:
                raise document.error(at, f"{choice.name}: unknown data set {name!r}{nearest(name, datasets)}")
        names = dict.fromkeys([*sets, *([analysis_info.WEIGHTS] if "networks" in settings else [])])
        data = {name: datasets[name].content_hash(data_root()) for name in names}
        found[choice.name] = AnalysisSpec(name=choice.name, version=info.version, settings=settings, data=data)
    return found
