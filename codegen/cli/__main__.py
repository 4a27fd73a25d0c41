"""``python -m rot180.codegen.cli``."""

import sys

from rot180.codegen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
