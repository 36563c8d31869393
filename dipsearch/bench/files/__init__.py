"""Picture files of every kind through the product, and what comes back of all that is no pixel."""
