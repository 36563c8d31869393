"""The comparison with rivals: other methods and our own search, each on the same files, and the tables of it."""
