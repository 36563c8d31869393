"""The gate on damage that is known: how often it takes the right branch, and what its strengths cost."""
