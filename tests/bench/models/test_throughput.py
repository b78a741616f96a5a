"""Timings: interleaved, honest about failures, memory in a process of its own; and the table made of them."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from fabricated import write_throughput
from toy_plan import toy_plan, working_in

from bench.config import layout
from bench.config.loading import load_plan
from bench.config.plan import Plan
from bench.config.timed_variants import COPY, PRODUCT
from bench.foundation.errors import BenchError
from bench.foundation.lifeline import Interrupted
from bench.models import measured, timing
from bench.models.timed import Job, Skipped, build, memory_of, one_pass
from bench.pages.table_files import table_texts
from bench.results.columns import COLUMNS
from bench.results.model_cases import architecture, timed_models, timed_names
from bench.results.throughput_ratios import throughput_frame
from bench.results.throughput_table import throughput_views
from bench.results.tidy import load
from bench.stages.throughput import throughput

CPU = torch.device("cpu")
PLUGIN = """
OPERATOR = {{"label": "{label}", "class": "Mine", "roles": ["spatial"], "scales": [1], "trains": True,
            "options": [], "summary": "for a test"}}
import torch
class Mine(torch.nn.Module):
    def __init__(self, channels, kernel_size, *, scale=1, padding_mode="circular"):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(channels, 1, 1))
    {extra}
    def forward(self, y):
        {body}
"""
SKIP = "@classmethod\n    def skip(cls, channels, kernel_size, **options):\n        return 'declines everything'"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


def plugin(root: Path, name: str, body: str = "return y * self.gain", extra: str = "") -> str:
    (root / f"{name}.py").write_text(PLUGIN.format(label=name.title(), body=body, extra=extra))
    return f"{name}.py"


def test_every_operator_that_takes_the_case_is_timed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "extra_peak", lambda *_: 12)  # a process for each takes long; tested by itself below
    names = (
        plugin(root, "fine"),
        plugin(root, "picky", extra=SKIP),
        plugin(root, "broken", body="raise RuntimeError('no\\n luck')"),
        plugin(root, "wrong", body="return y[..., :1] * self.gain"),
    )
    plan = toy_plan(root, plugins=names)
    path = throughput(plan, device="cpu", progress=False)
    assert path == layout.throughput_csv("toy")
    frame = pd.read_csv(path, keep_default_na=False)
    assert [*frame.columns, "source"] == list(COLUMNS["throughput.csv"])
    body = frame[(frame["case"] == "body 8²") & (frame["pass"] == "forward+backward")].set_index("name")
    operators = {"algorithm1", "conv", "convt", "converse2d", "fine", "picky", "broken", "wrong"}
    ways = {"converse2d (torch)", "conv, channels_last", "conv, zeros", "conv, zeros, channels_last"}
    assert operators | ways | {COPY, PRODUCT} == set(body.index)
    assert body.loc["picky", ["status", "reason"]].tolist() == ["skipped", "declines everything"]
    assert body.loc["broken", ["status", "reason"]].tolist() == ["failed", "RuntimeError: no luck"]
    assert body.loc["wrong", "status"] == "failed"  # its output has another size
    for name in ("conv", "converse2d", "fine", *ways - {"converse2d (torch)"}):
        assert body.loc[name, "gate"] == "passed", body.loc[name]
    assert 0 < float(body.loc["converse2d", "error"]) < 1e-5
    moved = {name: int(body.loc[name, "bytes"]) / (4 * 4 * 8 * 8) for name in ("converse2d", COPY)}
    assert moved == {"converse2d": 5, COPY: 2}
    assert int(body.loc["conv", "flops"]) == 3 * 2 * 9 * 4 * 8 * 8
    for name in ("algorithm1", "conv", "converse2d", "fine"):
        assert body.loc[name, "status"] == "ok" and body.loc[name, "repeats"] == 2
        assert 0 < float(body.loc[name, "median_s"]) < 5
        assert float(body.loc[name, "extra_peak_bytes"]) == 12
    up = set(frame[frame["case"] == "up 8²"]["name"])
    assert {
        "converse2d",
        "algorithm1",
        "convt",
        "pixelshuffle",
        "nearest",
        "convt, channels_last",
    } <= up and not {"conv", "convt, zeros"} & up
    models = frame[frame["kind"] == "model"]
    assert {"four/DnCNN", "four/Converse-DnCNN", "four/Converse-DnCNN on Algorithm 1"} <= set(models["name"])
    good = models[~models["name"].str.contains("Broken|Picky|Wrong")]
    assert set(good["status"]) == {"ok"}
    assert {"cpu"} == set(frame["device"]) and frame["torch"].unique().tolist() == [torch.__version__]
    ratios = throughput_frame(load(plan).throughput).set_index(["case", "pass", "name"])
    row = ratios.loc[("body 8²", "forward", "converse2d")]
    base = ratios.loc[("body 8²", "forward", "algorithm1")]
    assert row["speedup"] == pytest.approx(base["median_s"] / row["median_s"])


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_stopped_measurement_goes_on_after_its_last_case(
    rebuilt: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the compiled operator is another one by then: its cases are not mixed with those of the former."""
    plan, done = toy_plan(root), []

    def measure(kind: str, case: str, jobs: object, which: str, *_: object) -> list[dict[str, object]]:
        done.append((case, which))
        if len(done) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return [{"kind": kind, "case": case, "name": "conv", "pass": which, "status": "ok", "median_s": "1"}]

    monkeypatch.setattr(measured, "side_by_side", measure)
    with pytest.raises(Interrupted, match="SIGTERM after 2 of 6 cases"):
        throughput(plan, device="cpu", progress=False)
    assert not layout.throughput_csv("toy").exists()
    if rebuilt:
        monkeypatch.setattr("bench.stages.throughput.built", lambda: Path("another.so"))
    path = throughput(plan, device="cpu", progress=False)
    assert len(set(done)) == 6 and len(done) == (8 if rebuilt else 6)
    assert len(pd.read_csv(path)) == 6 and not path.with_suffix(".partial").exists()


def test_unknown_device_is_one_line(root: Path) -> None:
    with pytest.raises(BenchError, match="device"):
        throughput(toy_plan(root), device="warp", progress=False)


def test_a_model_shared_by_seeds_and_rows_is_timed_once(root: Path) -> None:
    plan = toy_plan(root)
    names = [m.name for m in timed_models(plan, "denoising")]
    assert len(names) == len(set(names)) and "four/DnCNN" in names
    keys = {architecture(row.runs[0]) for row in plan.rows["four"] if not row.reference}
    assert len(names) == len(keys) + 1  # released weights change no timing
    assert sum(n.endswith("on Algorithm 1") for n in names) == 1
    assert set(timed_names(plan, "denoising").values()) == {n for n in names if "Algorithm" not in n}


def test_the_reference_network_is_the_same_but_for_its_operator(root: Path) -> None:
    plan = toy_plan(root)
    models = {m.name: m for m in timed_models(plan, "denoising")}
    slow = next(m for n, m in models.items() if n.endswith("on Algorithm 1"))
    fast = models[slow.name.removesuffix(" on Algorithm 1")]
    assert {**fast.options, "operator": "algorithm1"} == slow.options and fast.model == slow.model
    jobs = [Job("model", m.model, (1, 16, 16), options=m.options) for m in (fast, slow)]
    (a, inputs), (b, _) = (build(job, CPU) for job in jobs)
    torch.testing.assert_close(a(*inputs), b(*inputs), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("table", "slot"), [("table6_upsampling", "upsampler"), ("table5_sr", "operator")])
def test_a_single_table_has_its_reference_network_too(table: str, slot: str) -> None:
    """The operator stands under the name that its network has for it; the last row may be another one's."""
    models = timed_models(load_plan("small", tables=[table]), "sr")
    assert models[-1].name.endswith("on Algorithm 1") and models[-1].options[slot] == "algorithm1"
    assert all(build(Job("model", m.model, (1, 8, 8), options=m.options), CPU) for m in models[-2:])


class Clock:
    """Stands for the module ``time``: it moves when a function says that it worked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls = ""

    def perf_counter(self) -> float:
        return self.now

    def working(self, name: str, seconds: float) -> Callable[[], None]:
        def work() -> None:
            self.now += seconds
            self.calls += name

        return work


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing, "time", made)
    return made


def test_interleaving_calls_in_turn_and_counts(clock: Clock) -> None:
    found = timing.interleave({"a": clock.working("a", 0.006), "b": clock.working("b", 0.012)}, 4, CPU)
    assert {t.repeats for t in found.values()} == {4}
    assert [t.median_s for t in found.values()] == pytest.approx([0.006, 0.012])
    assert clock.calls == "ababbaab"  # in turn, and the order rotates


def test_slow_functions_get_fewer_but_at_least_three_timings(clock: Clock) -> None:
    functions = {"slow": clock.working("s", 0.03), "fast": clock.working("f", 0.005)}
    found = timing.interleave(functions, 9, CPU, budget_s=0.05)
    assert found["slow"].repeats == timing.MINIMUM
    assert found["fast"].repeats == 9


def test_quick_functions_are_repeated_within_a_timing(clock: Clock) -> None:
    tiny = {"tiny": clock.working("t", 1e-6)}
    found = timing.interleave(tiny, 3, CPU)
    assert found["tiny"].repeats == 3 and len(clock.calls) == 301
    assert found["tiny"].median_s == pytest.approx(1e-6)
    with pytest.raises(ValueError, match="at least 1"):
        timing.interleave(tiny, 0, CPU)


@pytest.mark.parametrize(
    ("samples", "median", "iqr"),
    [([2.0], 2.0, 0.0), ([1.0, 3.0], 2.0, 1.0), ([1, 2, 3, 4, 5], 3.0, 2.0)],
)
def test_median_and_interquartile_range(samples: list[float], median: float, iqr: float) -> None:
    got = timing.summarise(samples)
    assert (got.median_s, got.iqr_s, got.repeats) == (median, iqr, len(samples))


MEGABYTE = 2**20


def _touch(megabytes: int) -> int | None:
    """Peak of a function that holds so much memory for a moment (called in a process of its own)."""

    def function() -> object:
        return torch.ones(megabytes * MEGABYTE // 4).sum()

    return timing.resident_extra_peak(function)


def _die() -> int:
    raise SystemExit(3)


@pytest.mark.parametrize("megabytes", [32, 128])
def test_peak_memory_of_a_known_allocation(megabytes: int) -> None:
    found = timing.in_own_process(_touch, megabytes)
    assert found is not None
    assert megabytes - 2 <= found / MEGABYTE <= megabytes + 16


def test_a_process_that_dies_is_no_number() -> None:
    assert timing.in_own_process(_die) is None


def test_memory_of_an_operator_is_at_least_its_output() -> None:
    job = Job("operator", "conv", (4, 32, 128, 128), kernel=3, padding=1)
    output = 4 * 32 * 128 * 128 * 4
    forward = timing.in_own_process(memory_of, job, "forward", 1, "float32")
    both = measured.extra_peak(job, lambda: None, "forward+backward", CPU, 1, "float32")
    assert forward >= 0.9 * output and both > forward


@pytest.mark.parametrize("name", ["conv", "converse2d", "algorithm1"])
def test_passes_give_gradients_or_none(name: str) -> None:
    job = Job("operator", name, (2, 4, 12, 10), kernel=3, padding=2)
    module, inputs = build(job, CPU)
    out = one_pass(job, module, inputs, "forward")()
    assert isinstance(out, torch.Tensor) and not out.requires_grad and out.dtype == torch.float32
    both = one_pass(job, module, inputs, "forward+backward")
    both()
    first = [p.grad.clone() for p in [*module.parameters(), *inputs]]
    both()  # gradients are of one pass, not summed over passes
    for tensor, before in zip([*module.parameters(), *inputs], first, strict=True):
        torch.testing.assert_close(tensor.grad, before)


def test_an_operator_outside_its_role_is_skipped() -> None:
    with pytest.raises(Skipped, match="serves no upsampler at scale 2"):
        build(Job("operator", "conv", (1, 4, 8, 8), kernel=2, scale=2), CPU)


def _views(plan: Plan) -> dict[str, dict[str, list[str]]]:
    found = {}
    for view in throughput_views(load(plan)):
        lines = view.sections[0].lines
        found[view.id] = {line.cells[0].text: [c.text for c in line.cells[1:]] for line in lines}
    return found


def test_table_has_ratios_reasons_and_the_machine(root: Path) -> None:
    plan = toy_plan(root)
    write_throughput(plan)
    rows = _views(plan)["throughput-operators"]
    # made up: Algorithm 1 400 ms, convolutions 40 and 12.5, the operator 25
    assert rows["converse2d"][:5] == ["25.0 (1.25)", "16.0×", "0.62×", "2.00×", "25.0"]
    assert rows["conv"][1:4] == ["10.0×", "1.00×", "3.20×"] and rows["broken"][0] == "–"
    limits = _views(plan)["throughput-limits"]
    # 10 MB where 8 MB are copied in 1 ms; 0.2 GFLOP where 4 take 20 ms
    assert limits["converse2d"][:3] == ["3.0e-07", "5.00 %", "4.00 %"]
    assert limits[COPY][0] == "8.00 GB/s" and limits[PRODUCT][0] == "200 GFLOP/s"
    views = throughput_views(load(plan))
    assert "Imaginary CPU" in views[0].title and ("a", "does not like even kernels") in views[0].notes
    models = _views(plan)["throughput-models"]
    assert models["Converse-DnCNN on Algorithm 1"][1] == "1.00×" and models["DnCNN"][1] == ""


def test_no_speed_up_where_the_results_are_wrong(root: Path) -> None:
    plan = toy_plan(root)
    write_throughput(plan, gate="failed: output 3.0e-03")
    view = throughput_views(load(plan))[0]
    line = next(x for x in view.sections[0].lines if x.cells[0].text == "converse2d")
    assert [c.text for c in line.cells[1:6]] == ["25.0 (1.25)", "", "", "", "25.0"]
    assert (line.cells[1].marks[0], "failed: output 3.0e-03") in view.notes
    frame = throughput_frame(load(plan).throughput).set_index("name")
    assert frame.loc["converse2d", ["speedup", "relative", "fastest"]].isna().all(axis=None)
    assert frame.loc["conv", "speedup"].notna().all()


def test_no_ratio_to_what_was_wrong_in_any_format(root: Path) -> None:
    plan = toy_plan(root)
    write_throughput(plan, gate="failed: bias 1.4e+01", of="algorithm1")
    why = "no ratio to algorithm1, whose results were not shown to be right (failed: bias 1.4e+01)"
    view = throughput_views(load(plan))[0]
    cells = {line.cells[0].text: line.cells for line in view.sections[0].lines}
    assert [c.text for c in cells["converse2d"][1:6]] == ["25.0 (1.25)", "–", "0.62×", "2.00×", "25.0"]
    assert (cells["converse2d"][2].marks[0], why) in view.notes and cells["algorithm1"][2].text == ""
    texts = table_texts(plan, load(plan), "throughput", complete=True)
    assert "16.0×" not in texts[".md"] + texts[".tex"] and why in texts[".md"] and "bias 1.4e+01" in texts[".tex"]
    frame = pd.read_csv(io.StringIO(texts[".csv"]))
    operators = frame[frame["kind"] == "operator"].set_index("name")
    assert operators["speedup"].isna().all() and set(operators.loc["converse2d", "withheld"]) == {why}
    assert operators.loc["converse2d", "relative"].notna().all()


def test_a_wrong_convolution_is_not_the_fastest_and_a_wrong_network_no_baseline(root: Path) -> None:
    plan = toy_plan(root)
    write_throughput(plan, gate="failed: output 1.0e+00", of="conv, zeros")
    assert _views(plan)["throughput-operators"]["converse2d"][1:4] == ["16.0×", "0.62×", "0.62×"]
    name = next(n for n in load(plan).throughput["name"] if n.endswith(" on Algorithm 1"))
    write_throughput(plan, gate="failed: output 1.0e+00", of=name)
    models = _views(plan)["throughput-models"]
    assert models["Converse-DnCNN"][1] == "–" and models["Converse-DnCNN on Algorithm 1"][1] == ""


def test_timings_of_another_machine_stand_apart(root: Path) -> None:
    plan = toy_plan(root)
    path = write_throughput(plan)
    folder = layout.RESULTS / "evidence" / "2026-01-01-gpu"
    folder.mkdir(parents=True)
    (folder / "throughput.csv").write_text(path.read_text().replace("Imaginary CPU", "Imaginary GPU"))
    titles = [view.title for view in throughput_views(load(plan))]
    assert len(titles) == 6 and "CPU" in titles[0] and "GPU" in titles[3]
    remarks = throughput_views(load(plan))[3].remarks
    assert "published evidence 2026-01-01-gpu" in remarks[0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_times_and_memory() -> None:
    device = torch.device("cuda")
    x = torch.randn(2048, 2048, device=device)
    found = timing.interleave({"matmul": lambda: x @ x, "add": lambda: x + x}, 5, device)
    assert all(t.repeats == 5 and t.median_s > 0 for t in found.values())
    extra = timing.cuda_extra_peak(lambda: x + x, device)
    assert 2048 * 2048 * 4 <= extra < 2 * 2048 * 2048 * 4
