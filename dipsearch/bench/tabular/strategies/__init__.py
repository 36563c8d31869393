"""Strategies on the table: who is fitted next, what is ended early, and what is delivered in the end."""
