"""Picture files: what a person may name, the decoders of each format, and everything of a file that is no pixel."""
