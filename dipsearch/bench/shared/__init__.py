"""What several benchmarks share: the machine, files of rows, pages, and searches as processes of their own."""
