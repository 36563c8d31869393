"""Everything that dipsearch raises on purpose.

One base, ``DipsearchError``, so that a caller can catch the whole family; each kind is also the built-in
exception that it resembles. Every message has three parts: what was given, what is allowed, what to do.
The command line prints the message on one line and exits with 2.
"""


class DipsearchError(Exception):
    """The base of all errors of dipsearch.

    Args:
        given: what was found, with the value itself ("sigma is -3").
        rule: what is allowed ("it has to be positive").
        fix: what the reader can do about it ("give for example --sigma 25").
    """

    def __init__(self, given: str, rule: str = "", fix: str = "") -> None:
        super().__init__("; ".join(part for part in (given, rule, fix) if part))
        self.given, self.rule, self.fix = given, rule, fix

    def __reduce__(self) -> tuple[type["DipsearchError"], tuple[str, str, str]]:
        # Exceptions cross process borders by pickling; the default would hand the joined text to ``given``.
        return type(self), (self.given, self.rule, self.fix)


class InputError(DipsearchError, ValueError):
    """A value, an option or a picture that cannot be used."""


class FormatError(InputError):
    """The content of a file breaks the rules of its format; ``given`` names the file and the key."""


class StudyError(DipsearchError, RuntimeError):
    """A study that is not in a state in which this can be done."""


class ResourceError(DipsearchError, RuntimeError):
    """The machine refused: disk, memory, permission, device."""


class KernelError(ResourceError):
    """A kernel for a GPU could not be compiled, kept, or launched for the first time."""


class StorageLost(DipsearchError, RuntimeError):
    """The database that holds the study does not answer any more; what was computed is there all the same."""


NO_MEMORY = (
    "out of memory",  # CUDA's own, also as torch.AcceleratorError, and Triton's
    "cudaErrorMemoryAllocation",
    "ALLOC_FAILED",  # cuBLAS, cuSOLVER, cuSPARSE, cuDNN 8
    "ALLOCATION_FAILED",  # cuDNN 9
    "can't allocate memory",  # PyTorch on a processor
)
"""In the words of a ``RuntimeError`` that says that memory was lacking: most libraries have no class of their own."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was not enough memory, on a processor or a GPU."""
    if isinstance(error, MemoryError):
        return True
    # PyTorch's own class is a RuntimeError, too, and this module does without PyTorch.
    named = type(error).__name__ == "OutOfMemoryError"
    return isinstance(error, RuntimeError) and (named or any(words in str(error) for words in NO_MEMORY))


def first_line(error: object) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
