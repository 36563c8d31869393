"""What a candidate is, what was asked of a study, and the files that hold both.

A study is a folder; every file of it is written and read here: the request, the measured problems, the first answers,
the candidates and Optuna's journal.
"""
