"""The recorded table: fits of many genomes to a few cases, packed into one small file."""
