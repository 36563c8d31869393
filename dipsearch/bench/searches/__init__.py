"""Strategies of a search in real searches, not in replays, and what a pre-selection chooses."""
