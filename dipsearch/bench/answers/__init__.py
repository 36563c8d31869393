"""The comparison of answers: all that one search had, and whether it delivered the best."""
