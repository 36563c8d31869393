"""What a search imports is there for good: no garbage is looked for in it, and nothing else is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBE = """
import gc, os, sys
from dipsearch.commands.lasting_imports import SEARCHING, import_to_last
runs = []
gc.callbacks.append(lambda phase, info: runs.append(phase))
before, at_first = dict(os.environ), len(runs)
import_to_last(*SEARCHING)
print(len(runs) - at_first, gc.get_freeze_count() > 100_000, gc.isenabled(), dict(os.environ) == before)
print(all(f"dipsearch.{name.strip('.')}" in sys.modules or f"dipsearch.commands.{name[1:]}" in sys.modules
          for name in SEARCHING))
"""


def test_no_garbage_is_looked_for_while_a_search_imports_what_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "True", "True", "True"]


def test_what_is_already_there_stays_usable_and_a_missing_module_leaves_the_collector_at_work() -> None:
    probe = (
        "import gc\nfrom dipsearch.commands.lasting_imports import import_to_last\n"
        "try:\n    import_to_last('..no_such_room')\n"
        "except ModuleNotFoundError as error:\n    print(error.name, gc.isenabled())"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["dipsearch.no_such_room", "True"]


def test_a_second_command_leaves_the_garbage_of_the_first_to_the_collector_which_stays_off_where_it_was() -> (
    None
):
    probe = (
        "import gc\nfrom dipsearch.commands.lasting_imports import import_to_last\n"
        "gc.disable()\nimport_to_last('..durations')\nprint(gc.isenabled())\ngc.enable()\n"
        "before = gc.get_freeze_count()\n"
        "class Loop:\n    pass\n"
        "loop = Loop()\nloop.self = loop\nimport_to_last('..durations')\ndel loop\n"
        "print(before > 0, gc.get_freeze_count() == before, gc.collect() > 0, gc.isenabled())"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True", "True"]
