"""Comparisons on the table: strategies and policies at equal time, their page, and facts about the genes."""
