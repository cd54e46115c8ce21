"""Names for arrays by what their cells hold; shapes and units are said where an array is used.

>>> levels: Floats = np.array([[98.5, np.nan], [91.0, 93.5]])  # series × days, percent
>>> known: Flags = np.isfinite(levels)
>>> known.sum(axis=1)
array([1, 2])
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Texts: TypeAlias = npt.NDArray[np.str_]
