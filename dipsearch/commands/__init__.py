"""The command line: one file per verb, all of them thin.

A verb checks what was typed (``parsing``), hands it to the room that does the work, and shows what comes
back (``console``). Nothing heavy is imported before a verb runs: ``dipsearch --help`` answers at once.
"""
