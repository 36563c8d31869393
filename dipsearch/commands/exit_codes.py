"""Exit codes: what a program or a shell is told of how a command ended."""

USAGE_ERROR = 2
"""Something that the caller can mend; one line on standard error says what to do."""
SOME_REFUSED = 3
"""Some of several pictures could not be restored; the others are written."""
INTERRUPTED = 130
"""It was asked to end early: 128 + SIGINT, as shells have it, and so after SIGTERM and SIGHUP."""
