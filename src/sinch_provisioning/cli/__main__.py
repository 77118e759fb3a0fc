"""`python -m sinch_provisioning.cli`: the command, if its script is not on the path."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
