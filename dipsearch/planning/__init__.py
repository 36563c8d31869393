"""How a budget is spent: what a machine can hold and do, which part of a picture is searched, who is tried first."""
