"""How a command's --help looks: what it does in a few lines, and examples to copy.

It knows argparse; it must not know any command.
"""

import argparse


def teach(parser: argparse.ArgumentParser, text: str, examples: str) -> None:
    """Give a parser its description and its examples.

    Args:
        text: lines under the usage, as they shall stand.
        examples: lines of "words  # what happens"; the program and command are put before each, or in place of its @.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = text.strip("\n")
    parser.epilog = "examples:\n" + "\n".join(_example(line) for line in examples.strip("\n").split("\n"))


def _example(line: str) -> str:
    line = line.replace("%", "%%")
    before, here, after = line.rpartition("@")  # a pipe before, or the command at the beginning of the line
    return ("  %s%%(prog)s %s" % (before, after if here else line)).rstrip()
