"""Measurements that people look at: how fast the loop is, and what the book-keeping around it costs."""
