"""Training on a photograph of a test set, found by content: a BSDS colour JPEG is its gray BSD68
PNG.

Signature: the whole image as a gray 96x96 thumbnail, whatever its shape. Score: correlation of
two thumbnails at 24x24 after a high-pass, over the eight orientations and, for candidates, over
crops of up to 2.5 % at the right and the bottom. So it survives colour, JPEG, scale, rotation by
90 degrees, mirroring and the crop to a multiple; a small part cut out of a photograph is not found.

Measured over the mirror (thresholds: `THRESHOLD`, `_CANDIDATE`):

* same photograph: all 68 images of BSD68 are found in BSD100, score at least 0.98; the BSD100,
  Urban100, Set12 and Set14 images cropped by up to 7 pixels, saved as JPEG of quality 60 and
  rotated: at least 0.94 (0.74 before the crops are tried);
* other photographs: at most 0.46 between BSDS500 train + test and the six test sets, 0.51 within
  BSDS500, 0.69 for the two views of the motorcycle;
* one true finding: BSDS500 train 302003 is Set5 img_005 (0.96), reduced to two thirds.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from bench.data.file_hashes import file_key
from bench.data.images import Pixels, thumbnail
from bench.foundation import atomic
from bench.foundation.errors import BenchError

THRESHOLD = 0.8
"""Score from which two files count as one photograph."""
_CANDIDATE = 0.6
_THUMBNAIL, _SIDE, _HIGH_PASS = 96, 24, 2.0
_CROPS = (0.0, 1.2, 2.4)
"""Pixels of the thumbnail taken off at the right and at the bottom."""
_FLAT: Pixels = np.zeros((_THUMBNAIL, _THUMBNAIL), np.uint8)

Overlap = tuple[Path, Path, float]


def overlaps(train: Sequence[Path], test: Sequence[Path], cache: Path | None = None) -> list[Overlap]:
    """Pairs of a training and a test file that show the same photograph.

    Args:
        train: image files.
        test: image files.
        cache: an ``.npz`` file that remembers thumbnails by `bench.data.file_hashes.file_key`; None: none.

    Returns:
        (training file, test file, score) for every score of at least `THRESHOLD`, highest first. A file that
        cannot be read matches nothing (`unreadable`): training and evaluation name it, and neither uses it.
    """
    if not train or not test:
        return []
    thumbs = [_FLAT if thumb is None else thumb for thumb in _thumbnails([*train, *test], cache)]
    ours, theirs = thumbs[: len(train)], thumbs[len(train) :]
    features = np.stack([_feature(t).ravel() for t in ours])
    turned = np.stack([v for t in theirs for v in _orientations(_feature(t))])
    scores = (features @ turned.T).reshape(len(ours), len(theirs), 8).max(axis=2)
    found = []
    for i, j in zip(*np.nonzero(scores >= _CANDIDATE), strict=True):
        score = max(_cropped_score(ours[i], theirs[j]), _cropped_score(theirs[j], ours[i]))
        if score >= THRESHOLD:
            found.append((train[i], test[j], score))
    return sorted(found, key=lambda pair: -pair[2])


def refuse_overlap(train: Sequence[Path], test: Sequence[Path], cache: Path | None = None) -> None:
    """Refuse to train on a photograph that is tested on.

    Raises:
        BenchError: the most similar pair, and how many more there are.
    """
    found = overlaps(train, test, cache)
    if found:
        ours, theirs, score = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BenchError(
            f"{ours}: is the test image {theirs} (similarity {score:.2f}){more}; "
            "name it under leave_out in datasets.yaml, or take it out of the folder"
        )


def unreadable(paths: Sequence[Path], cache: Path | None = None) -> list[Path]:
    """Those of some image files that cannot be read, so that nothing is known of what they show."""
    return [path for path, thumb in zip(paths, _thumbnails(paths, cache), strict=True) if thumb is None]


def _feature(thumb: Pixels, crop: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float32]:
    """High-passed thumbnail of zero mean and unit norm, (_SIDE, _SIDE)."""
    box = (0.0, 0.0, _THUMBNAIL - crop[0], _THUMBNAIL - crop[1])
    small = Image.fromarray(thumb).resize((_SIDE, _SIDE), Image.Resampling.BOX, box=box)
    values = np.asarray(small, np.float64)
    values = values - ndimage.gaussian_filter(values, _HIGH_PASS, mode="nearest")
    values -= values.mean()
    norm = float(np.linalg.norm(values))
    # A flat image has no content to recognise; it is left at zero and matches nothing.
    return (values / norm if norm > 1.0 else np.zeros_like(values)).astype(np.float32)


def _orientations(feature: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [np.rot90(f, k).ravel() for f in (feature, feature[:, ::-1]) for k in range(4)]


def _cropped_score(whole: Pixels, cropped: Pixels) -> float:
    """Best score of ``whole`` against the crops and orientations of ``cropped``."""
    crops = [_feature(cropped, (x, y)) for x in _CROPS for y in _CROPS]
    variants = np.stack([v for f in crops for v in _orientations(f)])
    return float((variants @ _feature(whole).ravel()).max())


def _thumbnails(paths: Sequence[Path], cache: Path | None) -> list[Pixels | None]:
    """Thumbnails in the order of ``paths``, None of what cannot be read; new ones are added to the cache."""
    known: dict[str, Pixels | None] = {**_read_cache(cache)}
    keys = [_key(path) for path in paths]
    fresh: dict[str, Pixels] = {}
    for key, path in zip(keys, paths, strict=True):
        if key not in known:
            try:
                fresh[key] = thumbnail(path, _THUMBNAIL)
            except BenchError:
                known[key] = None
    if fresh and cache is not None:
        merged = {**_read_cache(cache), **fresh}
        buffer = io.BytesIO()
        np.savez(buffer, keys=np.array(list(merged)), thumbs=np.stack(list(merged.values())))
        atomic.write_bytes(cache, buffer.getvalue())
    known.update(fresh)
    return [known[key] for key in keys]


def _key(path: Path) -> str:
    try:
        return file_key(path)
    except OSError:
        return f"{path}|unreadable"


def _read_cache(cache: Path | None) -> dict[str, Pixels]:
    """What the cache holds; a damaged one counts as empty, since it is only a memory."""
    if cache is None or not cache.is_file():
        return {}
    try:
        with np.load(cache, allow_pickle=False) as file:
            thumbs = file["thumbs"]
            if thumbs.shape[1:] != (_THUMBNAIL, _THUMBNAIL) or thumbs.dtype != np.uint8:
                return {}
            return dict(zip(file["keys"].tolist(), thumbs, strict=True))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
