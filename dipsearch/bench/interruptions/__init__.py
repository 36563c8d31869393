"""Interruptions: searches that are killed, asked to end and gone on with, and whether anything is lost."""
