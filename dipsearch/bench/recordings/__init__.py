"""Recordings: fits of single networks watched to their end, and what stopping, ranking, delivering and the
map of uncertainty make of them."""
