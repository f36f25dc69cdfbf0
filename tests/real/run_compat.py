"""Runs a program as if aidial_min were aidial_client: python run_compat.py PROGRAM [ARGUMENT ...]"""

import runpy
import sys

import aidial_min.compat

aidial_min.compat.install()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
