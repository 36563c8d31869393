"""What is kept: the networks that others published, and the architectures that a search exports.

`preset` and `presets_for` read the files in `published/`; `read_architecture` and `write_architecture` keep a
genome together with how it was found.
"""

from .architecture_file import Architecture as Architecture
from .architecture_file import ArchitectureFit as ArchitectureFit
from .architecture_file import provenance_now as provenance_now
from .architecture_file import read_architecture as read_architecture
from .architecture_file import write_architecture as write_architecture
from .network_file import read_network as read_network
from .preset_evidence import PictureEvidence as PictureEvidence
from .preset_evidence import PresetEvidence as PresetEvidence
from .preset_evidence import paired_evidence as paired_evidence
from .presets import Preset as Preset
from .presets import preset as preset
from .presets import preset_names as preset_names
from .presets import presets_for as presets_for
from .presets import read_preset as read_preset
from .presets import starters_for as starters_for
from .presets import write_preset as write_preset
from .stack_file import StackMember as StackMember
from .stack_file import read_stack as read_stack
from .stack_file import write_stack as write_stack
