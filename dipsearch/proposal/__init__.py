"""Who comes next: Optuna's side of the search, with samplers over whole genomes and breeding."""
