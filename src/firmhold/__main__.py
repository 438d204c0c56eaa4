"""`python -m firmhold` is `firmhold`."""

import sys

from firmhold.cli import main

if __name__ == "__main__":
    sys.exit(main())
