"""A network's file, whichever it is: what a search exports of one picture or of several, or a preset of the package."""

from __future__ import annotations

from pathlib import Path

from dipsearch.yaml_files import read_yaml

from .architecture_file import Architecture, read_architecture
from .presets import PLAIN, WITH_EVIDENCE, Preset, read_preset


def read_network(path: str | Path) -> Architecture | Preset:
    """What a file holds, by its format.

    Raises:
        FormatError: the file cannot be read or breaks a rule; the message names file, key, rule and fix.
    """
    content = read_yaml(path)
    kind = content.get("format") if isinstance(content, dict) else None
    return read_preset(path) if kind in (PLAIN, WITH_EVIDENCE) else read_architecture(path)
