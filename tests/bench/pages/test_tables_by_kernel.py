"""Tables whose tests are one for each kernel, and some of them a subset: one block for each data set and subset."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricated import write_metrics, write_run
from toy_plan import toy_plan, working_in

from bench.pages.table_view import table_view
from bench.results.tidy import load


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    with working_in(tmp_path):
        yield tmp_path


EACH = ", ".join(
    f"{{data: bsd100, protocol: deblur-circular-s2.55, kernels: blur_kernels, only: [kernel_{k}]{rest}}}"
    for k, rest in ((1, ""), (1, ", subset: every10"), (2, ", subset: every10"), (2, ""))
)


def test_an_evaluation_for_each_kernel_makes_one_block(root: Path) -> None:
    plan = toy_plan(root, deblurring=f"[{EACH}]", full_size="true")
    tasks = {name: task.model_copy(update={"options": {}}) for name, task in plan.preset.tasks.items()}
    plan = dataclasses.replace(plan, preset=plan.preset.model_copy(update={"tasks": tasks}))
    for run in plan.runs.values():
        for test in plan.evaluations(run):
            if test.data == "bsd100" and test.only == ["kernel_1"]:
                images, step = (10, 2.0) if test.subset else (100, 1.0)
                write_metrics(run, test, {f"{i:03d}": step * (i % 2) for i in range(images)}, ("kernel_1",))
        if not run.method:
            write_run(run)
    view = table_view(plan, load(plan), "seven")
    assert [s.title for s in view.sections][:2] == ["BSD100", "BSD100 (every 10th image)"]
    assert view.warning == "Subset: every 10th image of BSD100."
    names = [(c.group, c.name) for c in view.columns]
    assert names.count(("PSNR (dB)", "kernel 1")) == names.count(("PSNR (dB)", "kernel 2")) == 1
    first, second = names.index(("PSNR (dB)", "kernel 1")), names.index(("PSNR (dB)", "kernel 2"))
    difference = next(i for i, c in enumerate(view.columns) if c.kind == "difference" and c.name == "kernel 1")
    whole, part = ({line.cells[0].text: line.cells for line in s.lines}["ConverseNet"] for s in view.sections[:2])
    assert whole[second].text == part[second].text == "–", "not measured yet"
    assert float(part[first].text[:5]) - float(whole[first].text[:5]) == pytest.approx(0.5, abs=0.011)
    assert whole[difference].text and not part[difference].text, "a subset is not compared with the paper"
    remark = " ".join(view.remarks)
    assert "100 images of BSD100, one kernel; 10 images of BSD100, one kernel" in remark


def test_one_subset_for_all_makes_equal_tests_one(root: Path) -> None:
    plan = toy_plan(root, deblurring=f"[{EACH}]", images="3")
    assert [t.key.rpartition("blur_kernels")[2] for t in plan.table_tests("seven")] == [
        "@kernel_1@first3",
        "@kernel_2@first3",
    ]
