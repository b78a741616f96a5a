"""How fast a training converges: the step at which a validation curve reaches a fixed loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def steps_to(steps: ArrayLike, losses: ArrayLike, level: float) -> float:
    """First step at which the loss is at most ``level``, interpolated linearly; NaN if it never is.

    Args:
        steps: (validations,), ascending.
        losses: (validations,).
        level: the loss to be reached.
    """
    x, y = np.asarray(steps, float), np.asarray(losses, float)
    reached = np.flatnonzero(y <= level)
    if not len(reached):
        return float("nan")
    i = int(reached[0])
    if i == 0:
        return float(x[0])
    return float(np.interp(level, [y[i], y[i - 1]], [x[i], x[i - 1]]))
