"""The tabular benchmark: recorded fits of many genomes, and strategies of a search replayed on them."""
