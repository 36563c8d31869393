"""The gate: what is measured of a picture's noise, and which kind of noise follows from it."""
