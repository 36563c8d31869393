"""Warm starts: weights that are learnt, and what fits from them save."""
