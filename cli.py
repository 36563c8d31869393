"""`python cli.py …` is the same program as the installed `dipsearch …`."""

from dipsearch.commands.main import main

if __name__ == "__main__":
    main()
