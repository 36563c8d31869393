"""Cases: clean pictures, crops of them, what is done to them, and what a method is then given."""
