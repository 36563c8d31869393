"""Costs: iterations per second, memory, and what book-keeping, workers and a cluster take besides."""
