"""Names for arrays by what their cells hold, and running sums; shapes and units are said where an array is used.

>>> levels: Floats = np.array([[98.5, np.nan], [91.0, 93.5]])  # series × days, percent
>>> known: Flags = np.isfinite(levels)
>>> known.sum(axis=1)
array([1, 2])
>>> running_sums(np.array([[1.0, 2.0, 4.0]]))  # the sum of any window is a difference of two columns
array([[0., 1., 3., 7.]])
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Texts: TypeAlias = npt.NDArray[np.str_]


def running_sums(values: Floats) -> Floats:
    """Cumulative sums along the last axis, with a leading zero."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums
