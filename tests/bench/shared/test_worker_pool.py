"""What a bench starts ends with it, also where it is ended by a signal that it cannot answer."""

import signal
import subprocess
import sys

import pytest

from dipsearch.bench.shared.processes import processes
from dipsearch.bench.shared.search_process import wait_for

POOL = """
import os, time
from dipsearch.bench.shared.worker_pool import worker_pool

with worker_pool(1, os.getpid) as pool:
    worker = pool.submit(os.getpid).result()
    pool.submit(time.sleep, 300)
    print(worker, flush=True)
    time.sleep(300)
"""

APART = """
import time
from dipsearch.bench.shared.worker_pool import measured_apart

print("begun", flush=True)
measured_apart(time.sleep, 300, copied=False)
"""


def alive(pid: int) -> bool:
    return any(entry.pid == pid and entry.alive for entry in processes())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not list their processes in files")
def test_a_worker_of_a_bench_that_is_killed_does_not_go_on() -> None:
    with subprocess.Popen([sys.executable, "-c", POOL], stdout=subprocess.PIPE, text=True) as bench:
        assert bench.stdout is not None
        worker = int(bench.stdout.readline())
        assert alive(worker)
        bench.send_signal(signal.SIGKILL)
        bench.wait(60)
    assert wait_for(lambda: not alive(worker), seconds=60)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not list their processes in files")
def test_nor_does_a_process_of_its_own_for_one_measurement() -> None:
    def children() -> set[int]:
        found = processes()
        return {
            one.pid for one in found if one.parent == bench.pid and "spawn_main" in one.command and one.alive
        }

    with subprocess.Popen([sys.executable, "-c", APART], stdout=subprocess.PIPE, text=True) as bench:
        assert bench.stdout is not None
        assert bench.stdout.readline() == "begun\n"
        assert wait_for(children, seconds=60)
        (worker,) = children()
        bench.send_signal(signal.SIGTERM)
        bench.wait(60)
    assert wait_for(lambda: not alive(worker), seconds=60)
