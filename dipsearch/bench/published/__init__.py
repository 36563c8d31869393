"""Published figures: restorations of the pictures that papers report, beside their numbers."""
