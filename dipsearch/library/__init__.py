"""What is kept: the networks that others published, and the architectures that a search exports.

`preset` and `presets_for` read the files in `published/`; `read_architecture` and `write_architecture` keep a
genome together with how it was found.
"""

from .architecture_file import (
    Architecture,
    ArchitectureFit,
    ImageRecord,
    Provenance,
    provenance_now,
    read_architecture,
    write_architecture,
)
from .presets import Preset, preset, preset_names, presets_for, read_preset, starters_for
from .stack_file import StackMember, read_stack, write_stack

__all__ = [
    "Architecture",
    "ArchitectureFit",
    "ImageRecord",
    "Preset",
    "Provenance",
    "StackMember",
    "preset",
    "preset_names",
    "presets_for",
    "provenance_now",
    "read_architecture",
    "read_preset",
    "read_stack",
    "starters_for",
    "write_architecture",
    "write_stack",
]
