"""From a run to a network: built anew, loaded from a checkpoint, or read back from its directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

import converse
from bench.config import layout
from bench.config.analysis_info import WEIGHTS
from bench.config.run_spec import RunSpec
from bench.data.datasets import Dataset, data_root
from bench.data.file_hashes import sha256_file
from bench.foundation.errors import BenchError
from bench.foundation.memory import ran_out
from bench.models.checkpoint import load, read_weights
from converse.assembly import weights
from converse.assembly.contract import told, unsuited
from converse.declarations.model_spec import resolve
from converse.declarations.operator_info import OperatorError, OperatorInfo, SkippedConfiguration

if TYPE_CHECKING:
    from converse.declarations.model_info import ModelInfo


class Declined(BenchError):
    """An operator declines this configuration; the message is its reason, shown beside a dash."""


def choose_device(wanted: str | None) -> torch.device:
    """``auto`` (or None) is the GPU where there is one, else the CPU.

    Raises:
        BenchError: no such device here.
    """
    name = "auto" if wanted is None else wanted
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BenchError(f"unknown device {name!r} (allowed: auto, cpu, cuda, cuda:N)") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise BenchError(f"device {name!r}: this machine has {torch.cuda.device_count()} CUDA devices")
    return device


def build(run: RunSpec, plugins: Sequence[str]) -> nn.Module:
    """The freshly initialised network of a run, by its seed where it is trained.

    Raises:
        Declined: the operator declines this configuration; or it comes from a plugin and cannot be loaded, built, or
            trained and saved in a network, whatever the reason.
        BenchError: an unknown or bad option, with the run's id.
    """
    if run.model is None:
        raise BenchError(f"run {run.id}: {run.method!r} has no network")
    seed = run.train.seed if run.train else 0
    try:
        model = converse.build_model(run.model, seed=seed, plugins=plugins, **run.options)
        if (operator := _external(model.spec.operator)) and (reason := unsuited(model)):  # type: ignore[union-attr, arg-type]
            raise OperatorError(f"operator {operator.name!r} ({operator.path}): {reason}")
        return model
    except (SkippedConfiguration, OperatorError) as error:
        # A plugin that cannot be imported takes its own rows out and nobody else's.
        raise Declined(" ".join(str(error).split())) from error
    except (Exception, SystemExit) as error:
        if (operator := _operator(run, plugins)) and not ran_out(error):
            what = f"operator {operator.name!r} ({operator.path}): no network can be made with it"
            raise Declined(f"{what}: {told(error)}") from error
        if not isinstance(error, (ValueError, TypeError)):
            raise
        raise BenchError(f"run {run.id}: {' '.join(str(error).split())}") from error


def _external(operator: OperatorInfo | None) -> OperatorInfo | None:
    return operator if operator is not None and operator.external else None


def _operator(run: RunSpec, plugins: Sequence[str]) -> OperatorInfo | None:
    """The operator of a run that comes from outside; None too where the run itself is wrong."""
    try:
        return _external(resolve(str(run.model), run.options, plugins=plugins).operator)
    except (ValueError, TypeError):
        return None


def info(model: nn.Module) -> ModelInfo:
    """What a network declares about itself: inputs, channels, scale."""
    declared: ModelInfo = model.spec.info  # type: ignore[union-attr, assignment]
    return declared


def outside(model: nn.Module) -> str:
    """The name of the operator in a network that comes from a plugin; empty where all is built in."""
    operator: Any = model.spec.operator  # type: ignore[union-attr]
    return str(operator.name) if operator is not None and operator.external else ""


def count_parameters(model: nn.Module) -> int:
    """Number of learnable numbers."""
    return sum(p.numel() for p in model.parameters())


def load_checkpoint(
    run: RunSpec, plugins: Sequence[str], datasets: Mapping[str, Dataset], progress: bool = True
) -> tuple[nn.Module, str]:
    """The network of a row that names a checkpoint, and the sha256 of the file.

    Raises:
        BenchError: missing, damaged, of another hash, or of another network; names the file.
    """
    source = run.checkpoint
    assert source is not None
    if source.released:
        path = datasets[WEIGHTS].file(f"{source.released}.pth")
    elif source.path:
        path = Path(source.path).expanduser()
    else:
        path = _download(str(source.url), str(source.sha256), progress)
    if not path.is_file():
        raise BenchError(f"{path}: no such checkpoint (run {run.id})")
    sha256 = sha256_file(path)
    expected = datasets[WEIGHTS].hashes[path.name] if source.released else source.sha256
    if expected and sha256 != expected:
        again = f"; run: python -m bench fetch {WEIGHTS}" if source.released else ""
        raise BenchError(f"{path}: its sha256 is {sha256[:12]}…, expected {expected[:12]}…{again}")
    model = build(run, plugins)
    if remark := fill(model, read_weights(path), str(path)):
        print(f"{path}: {remark}", flush=True)
    return model.eval(), sha256


def load_run(run: RunSpec, plugins: Sequence[str]) -> nn.Module:
    """The network of a finished run in eval mode, from its directory.

    Raises:
        BenchError: not trained yet, a damaged file, or weights that do not fit.
    """
    path = layout.weights(run.id)
    if not path.is_file():
        raise BenchError(f"{path}: no such file; run: python -m bench train {run.id}")
    tensors, _ = load(path)
    model = build(run, plugins)
    fill(model, tensors, str(path))
    return model.eval()


def fill(model: nn.Module, content: Any, name: str) -> str:
    """Strictly loads what a file holds; returns a remark on how it was read, empty for a plain state dict.

    Raises:
        BenchError: names, shapes or values do not fit; says which.
    """
    try:
        return weights.fill(model, content)
    except weights.CheckpointError as error:
        raise BenchError(f"{name}: does not fit the network: {error}") from error


def _download(url: str, sha256: str, progress: bool) -> Path:
    from bench.data.download import download, mirror  # pooch: imported only where something is fetched

    suffix = Path(url.split("?", 1)[0]).suffix or ".pth"
    path = data_root() / "checkpoints" / f"{sha256[:16]}{suffix}"
    download(url, path, f"sha256:{sha256}", mirror(), progress=progress)
    return path
