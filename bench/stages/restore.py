"""Stage restore: a trained run or released weights applied to a user's own images.

The images are taken as they are: noisy, small or blurred already; nothing is added to them. A network
for gray images restores the channels of a colour image one by one; one for colour images gets a gray
image as three equal channels and its mean is written. A photograph is not blurred circularly, as the
published protocol has it, so deblurring networks get a cure for their boundary (`bench.models.boundary_choice`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from bench.config import layout
from bench.config.run_record import run_record
from bench.config.run_spec import RunSpec
from bench.data.decoding import decode
from bench.data.image_folder import images_in
from bench.data.images import write_png
from bench.data.kernel_files import read_kernel
from bench.data.kernels import SIZE, Kernel
from bench.foundation.errors import BenchError, nearest
from bench.foundation.memory import OutOfMemory, within_memory
from bench.models import inference, networks
from bench.models.boundary_choice import choose, describe
from bench.models.checkpoint import read_weights
from bench.scoring.metrics import to_uint8
from converse.assembly.released import check_name, fit_released


def restore(
    source: str,
    images: Sequence[Path],
    out: Path,
    *,
    kernel: Path | None = None,
    boundary: str = "auto",
    device: str | None = None,
) -> list[Path]:
    """Restores 8-bit images of any size (`bench.data.decoding.decode`) and writes 8-bit PNGs with their ICC profile.

    Args:
        source: a run's id, or ``NAME=FILE`` for released weights (``converse_dncnn=path.pth``).
        images: files, or folders of images.
        out: the folder for ``<stem>.png``.
        kernel: blur kernel (`bench.data.kernel_files.read_kernel`), for non-blind networks only.
        boundary: auto, none, pad[:PIXELS], taper or tiles[:SIZE] (`bench.models.boundary_choice.choose`).
        device: auto, cpu, cuda or cuda:N.

    Returns:
        The written files.

    Raises:
        BenchError: unknown source or boundary, a kernel missing or not wanted; or, after all other images are
            done, images that cannot be restored, by name.
    """
    where = networks.choose_device(device)
    model = load_source(source).to(where).eval()
    blur = _kernel(model, kernel)
    variant = choose(boundary, networks.info(model))
    targets = _targets(_files(images), out)
    print(f"{networks.info(model).name}: {describe(variant)}{_hint(boundary, model)}", flush=True)
    written, failures = [], []
    for path, target in targets.items():
        try:
            with within_memory(str(path)):
                picture = decode(path)
                image = (picture.pixels / 255.0).astype(np.float32)
                restored = np.concatenate(
                    [inference.apply(model, part, where, blur, variant)[0] for part in _parts(model, image)],
                    axis=2,
                )
                if image.shape[2] == 1:
                    restored = restored.mean(axis=2, keepdims=True)
                write_png(target, to_uint8(restored), picture.profile)
            written.append(target)
        except BenchError as error:
            text = str(error) if str(path) in str(error) else f"{path}: {error}"
            whole = variant is None or variant.tiles is None
            hint = "; --boundary tiles:SIZE needs less" if whole and isinstance(error, OutOfMemory) else ""
            failures.append(text + hint)
    if failures:
        raise BenchError(f"{'; '.join(failures)} ({len(written)} of {len(targets)} images restored)")
    return written


def _hint(boundary: str, model: nn.Module) -> str:
    automatic = boundary == "auto" and networks.info(model).task.endswith("deblurring")
    return "; the default for photographs, --boundary none|pad|taper|tiles:SIZE for another" if automatic else ""


def load_source(source: str) -> nn.Module:
    """The network of a run (by its id) or of released weights (``NAME=FILE``).

    Raises:
        BenchError: no such run, no such name, or a file that cannot be used.
    """
    name, is_file, file = source.partition("=")
    if is_file:
        try:
            check_name(name)
            model, remark = fit_released(name, read_weights(Path(file).expanduser()), file)
        except ValueError as error:
            raise BenchError(" ".join(str(error).split())) from error
        if remark:
            print(f"{file}: {remark}", flush=True)
        return model
    path = layout.run_json(source)
    if not path.is_file():
        known = [p.name for p in layout.run_dir("x").parent.glob("*") if layout.run_json(p.name).is_file()]
        raise BenchError(f"{path}: no such run{nearest(source, known)} (or NAME=FILE of released weights)")
    try:
        spec = RunSpec.model_validate(run_record(source).get("spec"))
    except ValueError as error:
        raise BenchError(f"{path}: damaged ({' '.join(str(error).split())})") from error
    return networks.load_run(spec, ())


def _parts(model: nn.Module, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The image in pieces of as many channels as the network takes."""
    channels = networks.info(model).image_channels
    if channels == image.shape[2]:
        return [image]
    if channels == 1:
        return [image[..., i : i + 1] for i in range(image.shape[2])]
    return [np.repeat(image, channels, axis=2)]


def _kernel(model: nn.Module, path: Path | None) -> Kernel | None:
    declared = networks.info(model)
    wanted = "kernel" in declared.inputs
    if wanted != (path is not None):
        verb = "is non-blind: it needs --kernel FILE" if wanted else "takes no blur kernel"
        raise BenchError(f"{declared.name} {verb}")
    if path is None:
        return None
    kernel, remark = read_kernel(path)
    if remark:
        print(f"{path}: {remark}", flush=True)
    if max(kernel.shape) > SIZE:
        raise BenchError(f"{path}: {kernel.shape[0]}x{kernel.shape[1]}, the networks take up to {SIZE}x{SIZE}")
    margins = [((SIZE - side) // 2, (SIZE - side) // 2) for side in kernel.shape]  # sides are odd
    return np.pad(kernel, margins)


def _files(images: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(p for path in images for p in (images_in(path) if path.is_dir() else [path])))


def _targets(files: Sequence[Path], out: Path) -> dict[Path, Path]:
    targets = {path: out / f"{path.stem}.png" for path in files}
    inputs = {path.resolve() for path in files}
    for target in targets.values():
        if target.resolve() in inputs:
            raise BenchError(f"{target}: would be overwritten; choose another --out")
        twins = [p for p, t in targets.items() if t == target]
        if len(twins) > 1:
            raise BenchError(f"{target}: would be written for {twins[0]} and for {twins[1]}")
    return targets
