"""Free memory, as Linux tells it: of the system, and of the control groups of a process."""

from __future__ import annotations

from pathlib import Path

from dipsearch.fitting.free_memory import free_bytes


def system(root: Path, *, available: int, groups: str, files: dict[str, str]) -> Path:
    written = {
        "proc/meminfo": f"MemTotal: 9 kB\nMemAvailable: {available} kB\n",
        "proc/self/cgroup": groups,
        **files,
    }
    for name, text in written.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_a_group_it_is_what_the_system_has_available(tmp_path: Path) -> None:
    assert free_bytes("cpu", root=system(tmp_path, available=500, groups="0::/\n", files={})) == 500 * 1024


def test_a_group_with_less_left_counts_and_caches_of_files_can_be_given_up(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/job/memory.max": "300000\n",
        "sys/fs/cgroup/job/memory.current": "120000\n",
        "sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 20000\n",
    }
    root = system(tmp_path, available=500, groups="0::/job/inner\n", files=files)
    assert free_bytes("cpu", root=root) == 200_000


def test_the_older_interface_is_read_too(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "300000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "120000\n",
    }
    root = system(tmp_path, available=500, groups="4:memory:/elsewhere\n3:cpuset:/\n", files=files)
    assert free_bytes("cpu", root=root) == 180_000


def test_a_group_without_a_limit_changes_nothing(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "120000\n"}
    assert free_bytes("cpu", root=system(tmp_path, available=500, groups="0::/\n", files=files)) == 500 * 1024


def test_where_nobody_says_nothing_is_known(tmp_path: Path) -> None:
    assert free_bytes("cpu", root=tmp_path) is None
    assert free_bytes("mps", root=tmp_path) is None
