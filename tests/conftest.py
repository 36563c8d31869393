"""For all tests: one thread per process, since tensors are tiny and cores are few."""

import gc
import os
from pathlib import Path

# Before anything imports PyTorch or NumPy, which read these once.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The library of whoever runs the tests would change what searches try.
os.environ["DIPSEARCH_LIBRARY"] = str(Path(__file__).parent / "no-library")

if not any(Path("/dev").glob("nvidia*")) and not Path("/dev/dxg").exists():  # the second is that of Windows
    os.environ.setdefault(
        "TRITON_INTERPRET", "1"
    )  # kernels are tested without a GPU; read when Triton is imported


def pytest_collection_finish() -> None:
    """What was imported and collected lasts: thousands of searches for garbage need not look through it again."""
    gc.collect()
    gc.freeze()
