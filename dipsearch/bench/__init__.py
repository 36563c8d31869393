"""Measurements that people look at: how fast the loop is, and what the book-keeping around it costs."""

from .equality import EqualityRow, EqualityTable, equality_markdown, measure_equality
from .machine import Ceilings, Clock, file_name, machine_name, measure_ceilings
from .memory_check import MemoryRow, MemoryTable, check_memory, memory_markdown
from .memory_prediction import measured_bytes, random_problem
from .overhead import Overhead, measure_overhead
from .sections import write_section
from .speed import NETWORKS, SpeedRow, SpeedTable, measure_speed, speed_markdown
from .textbook import TextbookLoop, textbook_network

__all__ = [
    "NETWORKS",
    "Ceilings",
    "Clock",
    "EqualityRow",
    "EqualityTable",
    "MemoryRow",
    "MemoryTable",
    "Overhead",
    "SpeedRow",
    "SpeedTable",
    "TextbookLoop",
    "check_memory",
    "equality_markdown",
    "file_name",
    "machine_name",
    "measure_ceilings",
    "measure_equality",
    "measure_overhead",
    "measure_speed",
    "measured_bytes",
    "memory_markdown",
    "random_problem",
    "speed_markdown",
    "textbook_network",
    "write_section",
]
