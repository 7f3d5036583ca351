"""What can go wrong, in one line for the operator."""


class BenchError(Exception):
    """Ends the program with its text and status."""

    status = 1


class MissingPackage(BenchError):
    """Something of Debian's is not here."""

    status = 69

    def __init__(self, what, packages, otherwise=""):
        super().__init__(f"{what} cannot run without more packages: apt-get install -y --no-install-recommends {' '.join(packages)}{otherwise}")
