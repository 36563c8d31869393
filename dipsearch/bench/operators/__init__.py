"""The comparison on operators: what a search makes of measurements from Python, beside classical methods."""
