"""`python -m ebbflow` is the `ebbflow` command."""

import sys

from ebbflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
