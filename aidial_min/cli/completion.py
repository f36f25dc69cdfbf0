"""Write a script that completes commands, actions and options of aidial-min when Tab is pressed.

examples:
    bash >> ~/.bash_completion
    zsh > ~/.zfunc/_aidial-min             # a folder of $fpath
    fish > ~/.config/fish/conf.d/aidial-min.fish
"""

import argparse
from typing import Dict, List, Tuple

from .parser import COMMANDS, make_parser
from .terminal import write

BASH = """\
_aidial_min() {
    local words
    case "${COMP_WORDS[1]}/${COMP_WORDS[2]}" in
%s
    esac
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _aidial_min aidial-min
"""

ZSH = """\
#compdef aidial-min
_aidial_min() {
    local words_
    case "${words[2]}/${words[3]}" in
%s
    esac
    compadd -- ${=words_}
    _files
}
if [ "$funcstack[1]" = _aidial-min ]; then _aidial_min; else compdef _aidial_min aidial-min; fi
"""


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the shells."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(arguments: argparse.Namespace) -> None:
    """Write the script."""
    places = words_at()
    if arguments.shell == "fish":
        write("\n".join(_fish(place, words) for place, words in places.items()) + "\n")
        return
    variable = "words" if arguments.shell == "bash" else "words_"
    cases = []
    for (command, action), words in sorted(places.items(), reverse=True):  # files/put before files/*
        pattern = "%s/%s" % (command, action or "*") if command else "*"
        cases.append('        %s) %s="%s" ;;' % (pattern, variable, " ".join(words)))
    write((BASH if arguments.shell == "bash" else ZSH) % "\n".join(cases))


def words_at() -> Dict[Tuple[str, str], List[str]]:
    """What may be typed after nothing, a command, and a command and its action."""
    main = make_parser(COMMANDS)
    found = {("", ""): main.words()}
    for command, parser in main.parsers.items():
        found[command, ""] = parser.words()
        for action, below in parser.parsers.items():
            found[command, action] = below.words()
    return found


def _fish(place: Tuple[str, str], words: List[str]) -> str:
    seen = "; and ".join("__fish_seen_subcommand_from %s" % word for word in place if word)
    return "complete -c aidial-min -n '%s' -a '%s'" % (seen or "__fish_use_subcommand", " ".join(words))
