"""Processor time of programs and of what outlives them."""

import subprocess
import sys

import pytest

PROGRAM = """
import subprocess, sys
from dipsearch.bench.shared.processes import with_processor_seconds

WORK = "import time; s = time.process_time()\\nwhile time.process_time() - s < 0.5: pass"
LEAVES = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {WORK!r}], start_new_session=True)"
beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
_, seconds = with_processor_seconds(lambda: subprocess.run([sys.executable, "-c", LEAVES], check=True))
print(seconds, beside.poll())
beside.kill()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot adopt what is left")
def test_what_outlives_a_program_counts_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    seconds, beside = done.stdout.split()
    assert float(seconds) >= 0.5 and beside == "None"
