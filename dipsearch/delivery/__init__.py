"""What is handed over: the ensemble, its polishing, the choice among all answers, and how far they can be trusted."""
