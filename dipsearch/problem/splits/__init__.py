"""Splits: the ways of dividing a measurement into a part that is fitted and an independent part that scores."""
