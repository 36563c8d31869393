"""`python -m dipsearch …` is the same program as `dipsearch …`."""

from .commands.main import main

if __name__ == "__main__":
    main()
