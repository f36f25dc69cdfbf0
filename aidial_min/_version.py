"""The version, and the oldest Python that it runs on. This file and __init__.py can be read by Python 2.7, too."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 9):
    sentence = "%s needs Python 3.9 or newer, this is %d.%d" % ((__name__[:-9],) + sys.version_info[:2])
    by_dash_m = "runpy" in sys.modules and sys.argv[0] in ("-m", "-c")  # then nobody reads a traceback
    raise SystemExit(sentence) if by_dash_m else ImportError(sentence)
