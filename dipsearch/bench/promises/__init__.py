"""The promise of a budget: how long a search really takes, also on a busy machine."""
