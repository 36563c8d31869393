"""Where the work is done: worker processes, the jobs that they get, and the messages that they send."""
