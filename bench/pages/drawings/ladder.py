"""The ladder: the effect of every claim about rows against the training compute of its rungs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.config.claims import Equivalence, NonInferiority, RowClaim
from bench.pages.claim_places import subject
from bench.pages.drawings.half_page import SIZES, WIDTH
from bench.results.verdicts.judge import Judgement
from bench.results.verdicts.verdict import Verdict

COLUMNS = 3
PAPER = "published"
"""Name of the last place; a rung may be called paper."""


def effects(found: Judgement) -> dict[str, list[Verdict]]:
    """Verdicts over all data sets that have a number, by claim about rows, from the smallest rung to the largest."""
    points: dict[str, list[Verdict]] = {}
    for v in found.verdicts:
        about_rows = isinstance(found.ladder.claims.by_id[v.claim], RowClaim)
        if about_rows and not v.dataset and v.effect_db is not None:
            points.setdefault(v.claim, []).append(v)
    return points


def positions(found: Judgement, points: Mapping[str, Sequence[Verdict]]) -> dict[str, tuple[float, str]]:
    """Place and words of every rung on the horizontal axis, the published difference at the right end."""
    shown = {v.rung for part in points.values() for v in part}
    rungs = [rung for rung in found.ladder.rungs if rung.name in shown]
    places = {}
    for i, rung in enumerate(rungs):
        places[rung.name] = float(i), rung.name
    return places | {PAPER: (float(len(rungs)), "publ.")}


def draw(found: Judgement) -> Any:
    """A small panel per claim; filled: the declared seeds are there, hollow: they are not; diamond: the paper's."""
    from matplotlib import pyplot as plt

    points = effects(found)
    places = positions(found, points)
    rows = -(-len(points) // COLUMNS)
    with plt.rc_context({**SIZES, "axes.titlesize": 5.8, "ytick.labelsize": 5.5, "xtick.labelsize": 6}):
        figure, axes = plt.subplots(
            rows, COLUMNS, figsize=(WIDTH, 1.05 * rows + 0.3), sharex=True, squeeze=False, layout="constrained"
        )
        for axis in list(axes.flat)[len(points) :]:
            axis.set_visible(False)
        for axis, (name, part) in zip(axes.flat, points.items(), strict=False):
            _panel(axis, part, places, found.ladder.claims.by_id[name])
            axis.set_title(_title(subject(found, part[0]), part), loc="left", pad=2)
    figure.supylabel("effect (dB)", fontsize=7.5)
    figure.supxlabel("rung of the ladder, by training compute", fontsize=7.5)
    return figure


def _title(where: str, part: Sequence[Verdict]) -> str:
    """Where the claim stands, less "(left)", and the comparison that all its numbers are of, on one or two lines."""
    pairs = {v.comparison for v in part}
    pair = pairs.pop() if len(pairs) == 1 else "least favourable pair"
    lines = pair.replace(" − ", "\n− ") if len(pair) > 20 else pair
    return "\n".join(text for text in (re.sub(r" \((left|right)\)", "", where), lines) if text)


def _panel(axis: Any, part: Sequence[Verdict], places: Mapping[str, tuple[float, str]], claim: Any) -> None:
    axis.axhline(0, color="#444444", linewidth=0.7, zorder=1)
    if isinstance(claim, Equivalence | NonInferiority):
        for margin in (-claim.within, claim.within)[: 2 if isinstance(claim, Equivalence) else 1]:
            axis.axhline(margin, color="#444444", linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)
    axis.plot([places[v.rung][0] for v in part], [v.effect_db for v in part], color="#888888", linewidth=0.8, zorder=2)
    for v in part:
        x = places[v.rung][0]
        if v.low is not None and v.high is not None:
            axis.plot([x, x], [v.low, v.high], color="black", linewidth=0.9, marker="_", markersize=4, zorder=3)
        filled = v.decided and v.complete
        axis.plot(x, v.effect_db, "o", color="black", mfc="black" if filled else "white", markersize=3, zorder=4)
    paper = next((v.published_db for v in reversed(part) if v.published_db is not None), None)
    if paper is not None:
        axis.plot(places[PAPER][0], paper, "D", color="black", mfc="white", markersize=2.8, zorder=4)
    ticks = list(places.values())
    axis.set_xticks([x for x, _ in ticks], [words for _, words in ticks])
    axis.set_xlim(-0.5, len(ticks) - 0.5)
    axis.grid(axis="x", visible=False)
    axis.margins(y=0.2)
    axis.locator_params(axis="y", nbins=3)


def caption(found: Judgement) -> str:
    """What the marks are."""
    text = (
        "Effect of every claim about rows by rung, over all data sets; of a claim about several rows the least "
        "favourable comparison. Bar: interval, 95 % over training seeds, 90 % (two one-sided tests at 5 %) where a "
        "margin decides (dotted). Filled: the rung has its declared seeds; hollow: it has not. Diamond: the paper's "
        "own difference, of its networks and budget."
    )
    shown = positions(found, effects(found))
    known = [
        f"{rung.name} {rung.compute:.0e}".replace("e+", "e")
        for rung in found.ladder.rungs
        if rung.name in shown and rung.compute
    ]
    compute = f"Multiply–accumulates of one training, median over rows: {', '.join(known)}."
    return f"{text} {compute if known else 'Training compute was not recorded.'}"
