#!/usr/bin/python3
"""Run as lab/xenpool/__main__.py, or python3 lab/xenpool."""
import os
import sys

# The package's own folder would hide modules of the standard library from it.
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [os.path.dirname(here)] + [each for each in sys.path if os.path.abspath(each or ".") != here]
sys.dont_write_bytecode = True

from xenpool.main import main       # noqa: E402

sys.exit(main())
