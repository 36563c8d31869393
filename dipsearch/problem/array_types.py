"""The types of arrays that pictures are taken apart into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Bits = NDArray[np.bool_]
