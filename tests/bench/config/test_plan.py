"""config/ as data: what it resolves to; bad input is one clear line before anything runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.config.code_digest import code_digest
from bench.config.loading import command_options, load_plan, plan_from_config, preset_names
from bench.config.plan import Plan
from bench.config.run_spec import RunSpec
from bench.foundation import strict_yaml, versions
from bench.foundation.errors import BenchError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def quick() -> Plan:
    return load_plan("quick", tables=["all"])


@pytest.mark.parametrize("preset", preset_names(ROOT / "config"))
def test_every_preset_resolves(preset: str) -> None:
    plan = load_plan(preset)
    assert plan.runs
    assert all(row.runs or row.skipped for rows in plan.rows.values() for row in rows)


def test_published_same_model_is_trained_once(quick: Plan) -> None:
    """published.yaml lists the rows that are one model in the paper; here they share their runs."""
    document = strict_yaml.load(ROOT / "config" / "published.yaml").data
    for group in document["same_model"]:
        runs = set()
        for cell in group:
            table, row_id = cell.split("/")
            row = next(r for r in quick.rows[table] if r.published == row_id)
            runs.add(row.runs[0].id)
        assert len(runs) == 1, group


def test_every_published_row_is_answered(quick: Plan) -> None:
    for table, entry in quick.published.items():
        parts = [entry["rows"]] if "rows" in entry else [v for v in entry.values() if isinstance(v, dict)]
        answered = {row.published for row in quick.rows[table]}
        assert {row for part in parts for row in part} <= answered, table


def test_two_spellings_of_one_network_are_one_run(quick: Plan) -> None:
    by_name = next(r for r in quick.rows["table5_sr"] if r.id == "SRResNet").runs
    by_layer = next(r for r in quick.rows["table6_upsampling"] if r.id == "PixelShuffle").runs
    assert by_name[0].id == by_layer[0].id


def test_identity_is_stable() -> None:
    """The hash is over what decides the numbers: it may change only together with those."""
    run = load_plan("quick").rows["table4_denoising"][3].runs[0]
    assert run.hash == type(run).model_validate_json(run.model_dump_json()).hash
    assert run.model_copy(update={"options": {}}).hash == run.hash, "spelling is not identity"
    assert run.model_copy(update={"threads": 2}).hash != run.hash
    for deep in (False, True):
        other = run.model_copy(update={"threads": 2}, deep=deep)
        assert other.id == f"{other.slug}-{other.hash}" != run.id, "a copy does not keep the identity of the original"
    assert run.model_dump().keys() == RunSpec.model_fields.keys() and run == run.model_copy()


def copy_config(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def broken(tmp_path: Path, file: str, old: str, new: str) -> str:
    config = copy_config(tmp_path)
    text = (config / file).read_text()
    assert old in text
    (config / file).write_text(text.replace(old, new, 1))
    with pytest.raises(BenchError) as caught:
        load_plan("quick", tables=["all"], config=config)
    message = str(caught.value)
    assert "\n" not in message
    return message


BAD = {
    "unknown key": ("tables.yaml", "axis: init", "axs: init", r"tables.yaml:41: unknown key 'axs'"),
    "nearest key": ("presets/quick.yaml", "steps:", "stpes:", "did you mean 'steps'?"),
    "duplicate row": (
        "tables.yaml",
        "gaussian: {options",
        "uniform: {options",
        "duplicate key 'uniform'",
    ),
    "bad type": ("presets/quick.yaml", "batch: 4", "batch: many", "valid integer"),
    "unknown model": ("tables.yaml", "{model: dncnn}", "{model: dnncn}", "did you mean 'dncnn'?"),
    "unknown option": ("tables.yaml", "{init: uniform}", "{inti: uniform}", "did you mean 'init'?"),
    "unknown option of a task": (
        "presets/quick.yaml",
        "{channels: ",
        "{chanels: ",
        "option 'chanels'; did you mean 'channels'",
    ),
    "base that is a row": (
        "tables.yaml",
        "base: {model: converse_dncnn}",
        "base: {model: converse_dncnn, seeds: 9}",
        "unknown key 'seeds'",
    ),
    "method of a row": ("tables.yaml", "DnCNN: {model: dncnn}", "DnCNN: {model: dncnn, method: tv}", "key 'method'"),
    "differences to no row": ("tables.yaml", "    default: as the paper\n", "", "no default is named"),
    "unknown table": (
        "presets/quick.yaml",
        "table4_denoising: 2",
        "table4_denoisng: 2",
        "did you mean 'table4_denoising'?",
    ),
    "unknown data": (
        "presets/quick.yaml",
        "train: [embedded_train]",
        "train: [embeded_train]",
        "did you mean 'embedded_train'?",
    ),
    "unknown method": (
        "tables.yaml",
        "[noisy, tv, wavelet]",
        "[noisy, bm3d]",
        "allowed: noisy, tv, wavelet",
    ),
    "unknown preset": (
        "tables.yaml",
        "figures: [axis]\n",
        "figures: [axis]\n    presets: [quik]\n",
        "did you mean 'quick'?",
    ),
    "unknown data of a table": (
        "tables.yaml",
        "{data: bsd100, protocol: deblur-n",
        "{data: bsd10, protocol: deblur-n",
        "did you mean 'bsd100'?",
    ),
    "unknown protocol": (
        "tables.yaml",
        "protocol: deblur-natural-s2.55",
        "protocol: deblur-natual-s2.55",
        "deblur-natural-s",
    ),
    "protocol of another task": (
        "tables.yaml",
        "{data: bsd100, protocol: deblur-natural-s2.55, kernels",
        "{data: bsd100, protocol: denoise-gray-s25, kernels",
        "protocol denoise-gray-s25 is for denoising, these tests for deblurring",
    ),
    "unknown kernel": ("tables.yaml", "only: [kernel_1,", "only: [kernel_9,", "no kernel 'kernel_9'; did you mean"),
    "kernels of a protocol without": (
        "tables.yaml",
        "{data: bsd100, protocol: deblur-natural-s2.55, kernels: blur_kernels, only",
        "{data: bsd100, protocol: deblur-natural-s2.55, only",
        "protocol deblur-natural-s2.55 needs kernels",
    ),
    "unknown protocol of a preset": (
        "presets/quick.yaml",
        "protocol: denoise-gray-s25",
        "protocol: denoise-grey-s25",
        "quick.yaml:19: unknown protocol 'denoise-grey-s25'",
    ),
    "protocol of another task in a preset": (
        "presets/quick.yaml",
        "protocol: denoise-gray-s25",
        "protocol: sr-bicubic-x4",
        "protocol sr-bicubic-x4 is for sr, these tests for denoising",
    ),
    "unknown data of a test of a preset": (
        "presets/quick.yaml",
        "data: embedded_test",
        "data: embeded_test",
        "did you mean 'embedded_test'?",
    ),
    "unknown kernel of a preset": (
        "presets/quick.yaml",
        "kernels: embedded_kernels}",
        "kernels: embedded_kernels, only: [nosuch]}",
        "no kernel 'nosuch' (allowed: gaussian, motion)",
    ),
    "no kernel at all": (
        "presets/quick.yaml",
        "kernels: embedded_kernels}",
        "kernels: embedded_kernels, only: []}",
        "at least 1 item",
    ),
    "kernels that a preset's protocol does not take": (
        "presets/quick.yaml",
        "protocol: denoise-gray-s25}",
        "protocol: denoise-gray-s25, kernels: embedded_kernels}",
        "quick.yaml:19: protocol denoise-gray-s25 takes no kernels",
    ),
    "subset of no images": (
        "presets/quick.yaml",
        "protocol: denoise-gray-s25}",
        "protocol: denoise-gray-s25, subset: evry10}",
        "subset 'evry10': allowed are firstN and everyN",
    ),
    "halved never": (
        "presets/quick.yaml",
        "lr: 8e-3, schedule: cosine",
        "lr: 8e-3, halve_every: 0",
        "greater than or equal to 1",
    ),
    "unknown variant": (
        "tables.yaml",
        "inference: {tiles: {size: 96}}",
        "inference: {tils: {size: 96}}",
        "did you mean 'tiles'?",
    ),
    "tiles of margins": (
        "tables.yaml",
        "inference: {tiles: {size: 96}}",
        "inference: {tiles: {size: 32}}",
        "size 32 is all margin",
    ),
    "hexadecimal": ("presets/quick.yaml", "repeats: 3", "repeats: 0x5", "valid integer"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration_is_one_line(tmp_path: Path, case: str) -> None:
    file, old, new, expected = BAD[case]
    message = broken(tmp_path, file, old, new)
    assert Path(file).name in message
    assert expected.split(": ", 1)[-1] in message


def test_line_number_points_at_the_entry(tmp_path: Path) -> None:
    text = (ROOT / "config" / "tables.yaml").read_text().splitlines()
    line = next(i for i, row in enumerate(text, 1) if "axis: init" in row)
    assert f"tables.yaml:{line}:" in broken(tmp_path, "tables.yaml", "axis: init", "axs: init")


def test_snakemake_config_refuses_unknown_keys() -> None:
    with pytest.raises(BenchError, match="unknown key 'prest'; did you mean 'preset'"):
        plan_from_config({"prest": "lite"})
    with pytest.raises(BenchError, match=r"unknown preset 'quik'; did you mean 'quick'\?"):
        plan_from_config({"preset": "quik"})
    with pytest.raises(BenchError, match="did you mean 'table4_denoising'"):
        plan_from_config({"preset": "quick", "tables": "table4_denoisin"})
    with pytest.raises(BenchError, match="images='few'"):
        plan_from_config({"preset": "quick", "images": "few"})


def test_subset_is_its_own_identity(quick: Plan) -> None:
    subset = plan_from_config({"preset": "quick", "tables": "all", "images": 1})
    run = next(iter(quick.runs.values()))
    assert subset.evaluations(run)[0].key == f"{quick.evaluations(run)[0].key}@first1"
    assert list(subset.runs) == list(quick.runs)


def test_a_table_with_tests_of_its_own() -> None:
    """One run, two tables, two protocols: each table shows its own, the run is scored under both."""
    plan = load_plan("released", tables=["released_boundary", "released_boundary_published"])
    natural, circular = (plan.table_tests(t)[0] for t in plan.tables)
    assert (natural.protocol, circular.protocol) == ("deblur-natural-s2.55", "deblur-circular-s2.55")
    rows = {row.id: row for row in plan.rows["released_boundary"]}
    whole = rows["ConverseNet, as it is"].runs[0]
    assert whole == plan.rows["released_boundary_published"][1].runs[0]
    assert [t.key for t in plan.evaluations(whole)] == [natural.key, circular.key]
    tiled = rows["ConverseNet, tiles of 128"].runs[0]
    assert plan.evaluations(tiled) == [natural] and tiled.id != whole.id and "tiles128" in tiled.id


def test_a_variant_of_inference_is_part_of_the_identity_and_none_is_not() -> None:
    plan = load_plan("released", tables=["released_deblurring", "released_boundary"])
    plain = plan.rows["released_deblurring"][1].runs[0]
    assert plain.inference is None and plain == plan.rows["released_boundary"][1].runs[0]
    assert "inference" not in plain.model_dump(mode="json", exclude_none=True)
    variants = {row.runs[0].inference for row in plan.rows["released_boundary"] if not row.reference}
    assert len({row.runs[0].id for row in plan.rows["released_boundary"]}) == len(plan.rows["released_boundary"])
    assert all(v is None or v.version == versions.INFERENCE_VERSION for v in variants)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{psf: gaussian, sigma: 0.8}", "{psf: kernel}", "row 'ConverseNet, edge taper': a blind network is not given"),
        (
            ", checkpoint: {released: converse_usrnet}, inference: {tiles: {size: 96}}",
            ", inference: {tiles: {size: 96}}",
            "inference is for rows with a checkpoint",
        ),
    ],
)
def test_a_variant_that_does_not_suit_its_row_is_refused(tmp_path: Path, old: str, new: str, expected: str) -> None:
    config = copy_config(tmp_path)
    text = (config / "tables.yaml").read_text()
    assert old in text
    (config / "tables.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(BenchError, match=rf"tables\.yaml:\d+: .*{expected}"):
        load_plan("released", tables=["released_boundary"], config=config)


def test_an_unknown_run_names_the_nearest(quick: Plan) -> None:
    run = next(iter(quick.runs))
    with pytest.raises(BenchError, match="did you mean"):
        quick.run(run[:-1] + "x")


FIELD = {"ffc", "global_filter", "nonneg_deconv", "bilinear", "carafe", "dysample"}


def test_operators_of_the_field_enter_only_where_a_table_names_them() -> None:
    """Not quick, which must stay short, nor any table by themselves; not the timings of a preset without their rows."""
    for preset, expected in (("quick", set()), ("released", set()), ("small", FIELD), ("paper", FIELD)):
        plan = load_plan(preset)
        named = {str((run.network or {}).get("operator")) for run in plan.runs.values()}
        assert named & FIELD == expected and plan.timed_operators().keys() & FIELD == expected, preset
        groups = {t: {r.group for r in rows} - {""} for t, rows in plan.rows.items()}
        assert {t for t, g in groups.items() if g} == ({"table4_denoising", "table6_upsampling"} if expected else set())


def test_rows_beside_a_table_come_last_are_ours_and_cite() -> None:
    rows = load_plan("small").rows["table4_denoising"]
    below = [row for row in rows if row.group]
    assert rows[-len(below) :] == tuple(below) and all(row.ours for row in below)
    assert [len(row.runs) for row in below if row.id == "Conv-DnCNN 31×31"] == [2]
    ffc = next(row for row in below if row.id == "FFC-DnCNN")
    assert "NeurIPS 2020" in (ffc.note or "") and "grows with C²" in (ffc.note or "")
    sizes = {p: [r.runs[0].options["kernel_size"] for r in load_plan(p).rows["table4_denoising"] if r.label ==
                 "GlobalFilter-DnCNN"] for p in ("small", "paper")}  # fmt: skip
    patches = {p: [load_plan(p).preset.tasks["denoising"].budget.patch] for p in sizes}  # type: ignore[union-attr]
    assert sizes == patches


def test_seeds_of_a_row_go_before_those_of_its_table(tmp_path: Path) -> None:
    config = copy_config(tmp_path)
    text = (config / "tables.yaml").read_text()
    (config / "tables.yaml").write_text(text.replace("DnCNN: {model: dncnn}", "DnCNN: {model: dncnn, seeds: 3}", 1))
    row = next(r for r in load_plan("quick", config=config).rows["table4_denoising"] if r.id == "DnCNN")
    plain = next(r for r in load_plan("quick").rows["table4_denoising"] if r.id == "DnCNN")
    assert len(row.runs) == 3 and [r.id for r in row.runs[:2]] == [r.id for r in plain.runs]


def test_a_model_with_a_rate_of_its_own_has_it_in_all_its_rows_and_no_other_has(tmp_path: Path) -> None:
    config = copy_config(tmp_path)
    path = config / "presets" / "quick.yaml"
    budget = "lr: 8e-3, schedule: cosine, warmup: 30, clip: 1.0}"
    assert budget in path.read_text()
    first = path.read_text().replace(budget, budget + "\n    tuned: {dncnn: {lr: 1e-2}}", 1)
    path.write_text(first)
    rates = {
        row.id: {run.train.budget.lr for run in row.runs if run.train}
        for row in load_plan("quick", config=config).rows["table4_denoising"]
        if any(run.train for run in row.runs)
    }
    assert rates.pop("DnCNN") == {1e-2} and set.union(*rates.values()) == {8e-3}
    for old, new, expected in (
        ("{dncnn:", "{dnccn:", "no model of denoising: 'dnccn'; did you mean 'dncnn'"),
        ("{lr: 1e-2}", "{rl: 1e-2}", "unknown field 'rl'"),
        ("{dncnn: {lr: 1e-2}", "{dncnn: {lr: -1}", "quick.yaml:"),
        ("{dncnn: {lr: 1e-2}", "{srresnet: {lr: 1e-2}", "no model of denoising: 'srresnet'"),
    ):
        path.write_text(first.replace(old, new))
        with pytest.raises(BenchError, match=expected):
            load_plan("quick", config=config)


def test_a_plugin_file_adds_its_rows(tmp_path: Path) -> None:
    """One file named: a row in every table whose axis is `operator`, or a dash with the reason."""
    good, bad = tmp_path / "box.py", tmp_path / "broken.py"
    good.write_text(
        'OPERATOR = {"label": "Box", "class": "Box", "roles": ["spatial"], "scales": [1], '
        '"trains": True, "options": [], "summary": "box filter"}\n'
    )
    bad.write_text("OPERATOR = make()\n")
    plan = load_plan("quick", tables=["all"], plugins=[str(good), str(bad)])
    for table, row_id in (
        ("table4_denoising", "Box-DnCNN"),
        ("table5_sr", "Box-SRResNet"),
        ("table7_deblurring", "BoxNet"),
    ):
        row = next(r for r in plan.rows[table] if r.id == row_id)
        assert row.runs and row.ours
    dash = next(r for r in plan.rows["table4_denoising"] if r.skipped)
    assert "literal" in str(dash.skipped)
    plain = load_plan("quick", tables=["all"])
    assert set(plain.runs) < set(plan.runs), "a plugin leaves the identity of other rows alone"
    before = plan.rows["table4_denoising"][-1].runs
    good.write_text(good.read_text() + "# changed\n")
    after = load_plan("quick", tables=["all"], plugins=[str(good), str(bad)])
    changed = next(r for r in after.rows["table4_denoising"] if r.id == "Box-DnCNN")
    assert changed.runs[0].id not in {r.id for r in before} | set(plan.runs)


def test_a_label_that_is_taken_is_a_dash_and_not_the_end(tmp_path: Path) -> None:
    """Two plugins of one label, and a broken one of the same: the first sound one has its row."""
    literal = (
        'OPERATOR = {"label": "Box", "class": "Box", "roles": ["spatial"], "scales": [1], '
        '"trains": True, "options": [], "summary": "box filter"}\n'
    )
    files = {name: tmp_path / f"{name}.py" for name in ("box", "second", "conv")}
    for file in files.values():
        file.write_text(literal)
    rows = load_plan("quick", plugins=[str(f) for f in files.values()]).rows["table4_denoising"]
    assert next(r for r in rows if r.id == "Box-DnCNN").runs
    dashes = {r.id: str(r.skipped) for r in rows if r.skipped}
    assert len(dashes) == 2
    assert "label 'Box' is taken" in dashes["Box-DnCNN (second)"]
    assert any("the name is taken" in reason for reason in dashes.values())


def test_rendering_code_is_part_of_what_makes_a_report_stale() -> None:
    assert len({code_digest(s) for s in ("tables", "figures", "train")}) == 3


def test_a_mistyped_metric_is_refused_before_anything_is_touched() -> None:
    with pytest.raises(BenchError, match="unknown metric 'fsimm'; did you mean 'fsim'"):
        load_plan("quick", metrics=["fsimm"])


def test_further_metrics_are_another_file_of_scores(quick: Plan) -> None:
    """So the scores that are there stay what they are while a metric is added, and if that fails."""
    more = load_plan("quick", tables=["all"], metrics=["fsim"])
    run = next(iter(quick.runs.values()))
    ours, theirs = quick.evaluations(run)[0], more.evaluations(run)[0]
    assert ours.key == theirs.key and theirs.stem == f"{ours.stem}+fsim"


def test_a_weights_file_counts_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    config = copy_config(tmp_path)
    weights = tmp_path / "mine.pth"
    text = (config / "tables.yaml").read_text()
    row = f"      DnCNN: {{model: dncnn}}\n      mine: {{model: dncnn, checkpoint: {{path: {weights}}}}}\n"
    (config / "tables.yaml").write_text(text.replace("      DnCNN: {model: dncnn}\n", row, 1))

    def identity() -> str:
        rows = load_plan("quick", tables=["table4_denoising"], config=config).rows["table4_denoising"]
        return next(r for r in rows if r.id == "mine").runs[0].id

    missing = identity()  # a plan all the same: the run says what is missing
    weights.write_bytes(b"first")
    first = identity()
    assert identity() == first != missing
    other = tmp_path / "other.pth"
    other.write_bytes(b"other")
    os.utime(other, ns=(weights.stat().st_atime_ns, weights.stat().st_mtime_ns))
    other.replace(weights)  # the same size and the same mtime
    assert identity() != first


def test_options_survive_the_shell(tmp_path: Path) -> None:
    """A plugin's path reaches the verb as it is and starts nothing of its own."""
    plugin = "p;touch INJECTED;/it's $HOME.py"
    options = command_options(load_plan("quick", tables=["table4_denoising"], images=2, plugins=[plugin]))
    shown = subprocess.run(f"printf '%s\\n' {options}", shell=True, cwd=tmp_path, capture_output=True, text=True)
    expected = ["--preset", "quick", "--tables", "table4_denoising", "--images", "first2", "--plugins", plugin]
    assert shown.stdout.splitlines() == expected
    assert not list(tmp_path.iterdir())


def test_the_snakefile_quotes_what_it_puts_into_a_shell() -> None:
    text = (ROOT / "Snakefile").read_text()
    commands = [line for line in text.splitlines() if "python -m bench" in line or "cat {log" in line]
    assert len(commands) >= 10
    for line in commands:
        unquoted = set(re.findall(r"(?<!\{)\{([a-z.]+)\}", line)) - {"resources.options", "targets.options"}
        assert not unquoted, line
