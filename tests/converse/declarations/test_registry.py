"""The registry: what is known without PyTorch, and what is said about what is not known."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import plugin_sources
import pytest

import converse
from converse.declarations import model_info, registry
from converse.declarations.literals import LiteralError, read_literal
from converse.declarations.model_info import list_models, models
from converse.declarations.model_spec import resolve
from converse.declarations.operator_info import OperatorError
from converse.declarations.registry import find_operator, list_operators, load_operator, operators

BUILT_IN = {"algorithm1", "conv", "converse2d", "convt", "nearest", "pixelshuffle"}
FIELD = {"bilinear", "carafe", "dysample", "ffc", "global_filter", "nonneg_deconv"}
"""Operators that the paper does not have: in a table only where it names them, with source and cost."""
MODELS = {
    "dncnn": "DnCNN",
    "conv_dncnn": "Conv-DnCNN",
    "convt_dncnn": "ConvT-DnCNN",
    "converse_dncnn": "Converse-DnCNN",
    "srresnet": "SRResNet",
    "conv_srresnet": "Conv-SRResNet",
    "convt_srresnet": "ConvT-SRResNet",
    "converse_srresnet": "Converse-SRResNet",
    "upsampler_srresnet": "Converse2D",
    "convnet": "ConvNet",
    "conversenet": "ConverseNet",
    "conv_usrnet": "Conv-USRNet",
    "converse_usrnet": "Converse-USRNet",
}


def label(name: str, operator: str | Path) -> str:
    """The network's label with ``operator`` in its slot."""
    return resolve(name, {str(models()[name].slot): operator}).label


def test_the_folder_is_the_registry() -> None:
    built_in = {k: v for k, v in operators().items() if not v.external}
    assert set(built_in) == BUILT_IN | FIELD
    assert {name for name, info in built_in.items() if info.tables == "named"} == FIELD
    assert all(built_in[name].cost for name in FIELD) and all(built_in[name].source for name in FIELD - {"bilinear"})
    assert not [info.error for info in built_in.values() if info.error]
    assert set(list_operators()) >= BUILT_IN
    assert all(len(info.sha256) == 64 and info.path for info in built_in.values())


def test_labels_are_those_of_the_paper() -> None:
    assert {name: info.label for name, info in models().items()} == MODELS
    assert list_models() == sorted(MODELS)
    assert label("converse_dncnn", "convt") == "ConvT-DnCNN"
    upsamplers = ("pixelshuffle", "nearest", "convt", "converse2d")
    rows = [label("upsampler_srresnet", name) for name in upsamplers]
    assert rows == ["PixelShuffle", "Nearest", "ConvT", "Converse2D"]
    labels = [label(name, op) for name in ("conv_usrnet", "converse_usrnet") for op in ("conv", "converse2d")]
    assert len(set(labels)) == 4  # data step and prior vary apart: four networks, four labels


def test_planning_imports_no_torch() -> None:
    code = (
        "import sys, converse; from converse.declarations import model_spec, registry; converse.list_models();"
        "registry.operators(); model_spec.resolve('converse_dncnn', {'padding': 2}).identity();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_is_lazy_and_complete() -> None:
    for name in converse.__all__:
        assert getattr(converse, name) is not None
    assert set(dir(converse)) == set(converse.__all__)
    with pytest.raises(AttributeError, match="no attribute 'convers2d'"):
        converse.convers2d  # noqa: B018


def test_an_import_of_the_modules_does_not_shadow_the_functions() -> None:
    code = (
        "import converse.assembly.swapping, converse.reference, converse.algorithm1, converse;"
        "assert callable(converse.swap) and callable(converse.reference.reference);"
        "assert callable(converse.algorithm1.algorithm1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("converse_dncn", {}, "unknown model 'converse_dncn'; did you mean 'converse_dncnn'"),
        ("converse_dncnn", {"operator": "converse"}, "unknown operator 'converse'; did you mean"),
        ("converse_dncnn", {"chanels": 3}, "unknown option 'chanels'; did you mean 'channels'"),
        ("converse_dncnn", {"up_padding": 3}, "unknown option 'up_padding'"),
        ("conv_dncnn", {"init": "uniform"}, "with operator 'conv': unknown option 'init'"),
        ("dncnn", {"operator": "conv"}, "dncnn: unknown option 'operator'"),
        ("dncnn", {"kernel_size": 3}, "dncnn: unknown option 'kernel_size'"),
        ("converse_dncnn", {"operator": "pixelshuffle"}, "does not serve as spatial at scale 1"),
        ("upsampler_srresnet", {"upsampler": "conv"}, "does not serve as upsampler at scale 2"),
        (
            "converse_dncnn",
            {"padding_mode": "zero"},
            "unknown padding_mode 'zero'; did you mean 'zeros'",
        ),
        ("converse_dncnn", {"blocks": 0}, "blocks must be >= 1, got 0"),
        ("converse_dncnn", {"kernel_size": [3, 0]}, "kernel_size must be >= 1"),
    ],
)
def test_a_wrong_name_or_value_is_named(model: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        resolve(model, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("options", [{"channels": 2.0}, {"blocks": True}, {"kernel_size": "5"}])
def test_a_wrong_type_is_named(options: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="must be an integer"):
        resolve("converse_dncnn", options)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("converse_dncnn", {}), ("converse_dncnn", {"padding": 4, "x0": "nearest"}), True),
        (("converse_dncnn", {"operator": "conv"}), ("conv_dncnn", {}), True),
        (("srresnet", {}), ("upsampler_srresnet", {"upsampler": "pixelshuffle"}), True),
        (("converse_dncnn", {"kernel_size": [3, 3]}), ("converse_dncnn", {"kernel_size": 3}), True),
        (("converse_srresnet", {"up_kernel_size": 2}), ("converse_srresnet", {}), True),
        (("conv_srresnet", {"up_kernel_size": 5}), ("conv_srresnet", {}), True),
        (("srresnet", {"up_kernel_size": 3}), ("srresnet", {}), True),
        (("converse_dncnn", {"kernel_size": 3}), ("converse_dncnn", {}), False),
        (("conv_dncnn", {}), ("convt_dncnn", {}), False),
        (("converse_usrnet", {"operator": "conv"}), ("conv_usrnet", {}), False),
        (("converse_srresnet", {"x0": "zero"}), ("converse_srresnet", {}), False),
    ],
)
def test_identity_is_the_network_not_its_spelling(
    one: tuple[str, dict[str, object]], other: tuple[str, dict[str, object]], same: bool
) -> None:
    texts = [json.dumps(resolve(*spec).identity(), sort_keys=True) for spec in (one, other)]
    assert (texts[0] == texts[1]) is same


def test_shared_options_reach_the_upsamplers_and_up_options_win() -> None:
    spec = resolve("converse_srresnet", {"x0": "zero", "eps": 1e-4, "up_lam": 0.1, "padding": 1})
    assert spec.operator_options["x0"] == spec.up_options["x0"] == "zero"
    assert (spec.operator_options["eps"], spec.up_options["eps"]) == (1e-4, 1e-3)
    assert (spec.operator_options["padding"], spec.up_options["padding"]) == (1, 2)
    assert (spec.operator_options["lam"], spec.up_options["lam"]) == ("per_channel", 0.1)


def test_a_loose_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = plugin_sources.write(tmp_path, "gain")
    info = find_operator(str(path))
    assert (info.name, info.label, info.options) == ("gain", "Gain", ("start",))
    assert info.external and info.origin == f"file {path}"
    assert load_operator(path) is load_operator("gain", plugins=[path])
    assert resolve("conv_dncnn", {"operator": path}).identity()["operator_sha256"] == info.sha256
    assert label("conv_dncnn", path) == "Gain-DnCNN"
    with pytest.raises(OperatorError, match="unknown operator 'gain'"):
        find_operator("gain")


def test_an_edited_plugin_is_read_and_loaded_anew(tmp_path: Path) -> None:
    path = plugin_sources.write(tmp_path, "gain")
    before, old = find_operator(path), load_operator(path)
    path.write_text(path.read_text().replace('"label": "Gain"', '"label": "Gain 2"'))
    after = find_operator(path)
    assert after.label == "Gain 2" and after.sha256 != before.sha256
    assert load_operator(path) is not old


@pytest.mark.parametrize("what", ["missing", "no_such_literal"])
def test_a_literal_that_is_not_there(what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    if what != "missing":
        path.write_text("OTHER = {}\n")
    with pytest.raises(LiteralError, match="cannot be read" if what == "missing" else "has no top"):
        read_literal(path, "OPERATOR")


def test_a_file_put_beside_the_shipped_ones_is_known_by_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No golden test watches it: an edit must be another run."""
    assert set(registry.SHIPPED) == {path.stem for path in registry._FOLDER.glob("[!_]*.py")}
    folder = shutil.copytree(registry._FOLDER, tmp_path / "operators")
    path = plugin_sources.write(folder, "gain")
    monkeypatch.setattr(registry, "_FOLDER", folder)
    ids = []
    for text in (path.read_text(), path.read_text() + "\nSCALE = 3\n"):
        path.write_text(text)
        ids.append(resolve("conv_dncnn", {"operator": "gain"}).identity()["operator_sha256"])
    assert ids[0] != ids[1]
    assert "operator_sha256" not in resolve("conv_dncnn", {"operator": "conv"}).identity()


def test_models_are_read_again_when_their_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_info, "_FOLDER", shutil.copytree(model_info._FOLDER, tmp_path / "models"))
    before = model_info.models()["dncnn"]
    assert model_info.models()["dncnn"] is before and model_info.models() is not model_info.models()
    text = before.path.read_text()
    before.path.write_text(text.replace(before.summary, "other words"))
    after = model_info.models()["dncnn"]
    assert after.summary == "other words" and after.sha256 != before.sha256
