"""The photographs that a run is trained on, decoded once for all jobs of a machine (`bench.data.mapped`).

``<data root>/packs/<name>.<gray|rgb>.npz`` are the decoded pixels of a data set, ``….x4.npz`` what super-resolution
starts from. Where such a file is, the images themselves are not read: it alone can be carried to another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.data.datasets import Dataset, data_root
from bench.data.images import Color, Pixels, read_image
from bench.data.mapped import mapped
from bench.data.planned_files import PlannedFile
from bench.data.scored_content import named_hashes
from bench.foundation.versions import TRAIN_VERSION
from bench.training.sampling import Float, Reduce, reduced


def _verified(dataset: Dataset, color: Color, root: Path | None) -> Iterator[Pixels]:
    """The images, each only if it is the file that the run's name stands for."""
    hashes = named_hashes(dataset, root) or {}
    for path in dataset.files(root):
        file = PlannedFile(path, hashes.get(path.name, ""), dataset.name)
        yield file.read(lambda path: read_image(path, color))


def photographs(datasets: Iterable[Dataset], color: Color, root: Path | None = None) -> tuple[list[Pixels], Reduce]:
    """All images of the data sets, (H, W, C) uint8, in the order of names; and where their reductions are kept.

    Raises:
        BenchError: not fetched, a damaged image or another one than is declared, or the packs cannot be written.
    """
    sets = list(datasets)
    folder = (root or data_root()) / "packs"
    images: list[Pixels] = []
    for dataset in sets:
        images += mapped(
            folder / f"{dataset.name}.{color}.npz",
            f"verified {dataset.content_hash(root)}",
            lambda dataset=dataset: _verified(dataset, color, root),  # type: ignore[misc]
        )
    stem = f"{'+'.join(d.name for d in sets)}.{color}"
    content = f"{TRAIN_VERSION} {' '.join(d.content_hash(root) for d in sets)}"

    def reduce(parts: Sequence[Pixels], scale: int) -> Sequence[Float]:
        return mapped(folder / f"{stem}.x{scale}.npz", content, lambda: reduced(parts, scale))

    return images, reduce
