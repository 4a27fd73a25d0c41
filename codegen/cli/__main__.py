"""``python -m rot180.codegen.cli``."""

import sys

from rot180.codegen.cli.main import main

sys.exit(main())
