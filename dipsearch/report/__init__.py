"""What people look at: a study as tables, the tables as figures, the figures on one page.

Everything is read from a study's folder after the fact; nothing in here takes part in a search. The tables
are plain rows and are shared with the console.
"""

from .anatomy import architecture_rows as architecture_rows
from .anatomy import cost_rows as cost_rows
from .anatomy import gene_rows as gene_rows
from .anatomy import preset_rows as preset_rows
from .anatomy import scale_rows as scale_rows
from .comparison_page import write_comparison as write_comparison
from .curves import stopping as stopping
from .explanations import number_rows as number_rows
from .outcome_part import restored_rows as restored_rows
from .outcome_part import result_rows as result_rows
from .page import write_page as write_page
from .tables import candidate_cells as candidate_cells
from .tables import candidate_rows as candidate_rows
from .tables import state_words as state_words
