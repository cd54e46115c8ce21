"""."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


Singles: TypeAlias = npt.NDArray[np.float32]


Ints: TypeAlias = npt.NDArray[np.int64]


Flags: TypeAlias = npt.NDArray[np.bool_]


Array = npt.NDArray[np.float64]
