"""Measurements that people look at: how fast the loop is, and what the book-keeping around it costs."""

from .equality import EqualityRow as EqualityRow
from .equality import equality_markdown as equality_markdown
from .equality import measure_equality as measure_equality
from .machine import file_name as file_name
from .machine import machine_name as machine_name
from .memory_check import MemoryRow as MemoryRow
from .memory_check import check_memory as check_memory
from .memory_check import memory_markdown as memory_markdown
from .overhead import measure_overhead as measure_overhead
from .sections import write_section as write_section
from .speed import NETWORKS as NETWORKS
from .speed import SpeedRow as SpeedRow
from .speed import SpeedTable as SpeedTable
from .speed import measure_speed as measure_speed
from .speed import speed_markdown as speed_markdown
