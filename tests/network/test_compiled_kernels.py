"""The kernels are compiled to machine code for GPUs that are not here: Triton needs none for that.

Everything else about them is tested in Triton's interpreter, which is chosen when Triton is imported: hence a process
of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from dipsearch.network import fused

SIZES = {
    "height", "width", "near_groups", "far_groups", "all_groups", "first",
    "border", "border_b", "padding", "activation",
}  # fmt: skip
IMAGES = {"near", "far", "x", "out", "gradient", "gradient_b"}
CONSTANTS = {
    "moments": {"UP": 2},
    "prepare": {"UP": 2},
    "sums": {"UP": 1, "TWO": True},
    "unprepare": {"TWO": True, "STATISTICS": True},
    "undouble": {"UP": 2, "STATISTICS": True},
}


TARGETS = [(fused.LEAST_CAPABILITY, "fp32"), ((8, 0), "bf16"), ((10, 0), "bf16")]


@pytest.mark.slow
def test_every_kernel_compiles(tmp_path: Path) -> None:
    words = [f"{10 * major + minor}:{stored_in}" for (major, minor), stored_in in TARGETS]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {
        "TRITON_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run([sys.executable, __file__, *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [f"{name}:{word}" for word in words for name in CONSTANTS]


def compile_all(capability: int, stored_in: str) -> None:
    """Compile each kernel with one choice of its constants, and print its name and for what."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from dipsearch.network.kernels import passes
    from dipsearch.network.kernels.launch import ACROSS, ALONG

    def kind(name: str) -> str:
        if name in SIZES or name == "epsilon":
            return "i32" if name in SIZES else "fp32"
        return f"*{stored_in}" if name in IMAGES else "*i32" if name == "arrived" else "*fp32"

    for name, chosen in CONSTANTS.items():
        kernel = getattr(passes, name)
        constants = chosen | {"VEC": 4, "BLOCK_P": ALONG, "BLOCK_C": ACROSS}
        signature = {one: "constexpr" if one in constants else kind(one) for one in kernel.arg_names}
        source = ASTSource(kernel, signature, constexprs=constants)
        compiled = compile(source, target=GPUTarget("cuda", capability, 32))
        assert compiled.asm["cubin"]
        print(f"{name}:{capability}:{stored_in}")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        capability, _, stored_in = word.partition(":")
        compile_all(int(capability), stored_in)
