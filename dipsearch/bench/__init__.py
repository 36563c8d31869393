"""Measurements that people look at: how fast the loop is, and what the book-keeping around it costs."""

from .costs.overhead import measure_overhead as measure_overhead
from .costs.speed import NETWORKS as NETWORKS
from .costs.speed import SpeedRow as SpeedRow
from .costs.speed import SpeedTable as SpeedTable
from .costs.speed import measure_speed as measure_speed
from .costs.speed import speed_markdown as speed_markdown
from .shared.machine import file_name as file_name
from .shared.machine import machine_name as machine_name
from .shared.sections import write_section as write_section
