"""`python -m leaner_harness.cli`: the `leaner` command where no script is installed."""

import sys

from leaner_harness.cli import main

sys.exit(main())
