"""``dipsearch bench``: one file for each measurement, and the options and ways of writing that they share."""
