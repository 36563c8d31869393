"""Similar patches: what their settings are worth, and what they take."""
