"""The journal of a batch: whatever a killed run left, or a disk damaged, no line is forgotten without a word."""

import json
import os
import tempfile
from contextlib import closing

import pytest

from aidial_min.cli.batch_journal import Journal, json_line, replace

from .cases import damaged, fuzzed

HEADER = {"batch": 1, "input": {"path": "in.jsonl", "size": 10}}


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    """What was written counts as written: here processes die, the machine does not."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def a_journal(random, path):
    """Write records as a run does; gives what each of them leaves behind: (length of the file, begun, kept)."""
    replace(path, [json_line(HEADER)])
    with closing(Journal(path)) as journal:
        states = [state_of(path, journal)]
        waiting, begun = list(range(1, 15)), []
        for _ in range(random.randrange(40)):
            if waiting and (not begun or random.random() < 0.5):
                begun.append(waiting.pop(0))
                journal.begin(begun[-1])
            elif begun:
                number = begun.pop(random.randrange(len(begun)))
                if random.random() < 0.3:
                    journal.give_back(number)
                    waiting.insert(0, number)
                else:
                    journal.keep(number, line_of(number))
            if random.random() < 0.05:
                journal.compact()
                states = []  # it is another file from here on
            states.append(state_of(path, journal))
    return states


def state_of(path, journal):
    return os.path.getsize(path), set(journal.begun), {number: line_of(number) for number in journal.kept}


def line_of(number):
    return json.dumps({"line": number, "ok": True, "answer": "Ünï\n" * (number % 4)}).encode() + b"\n"


def load(path):
    with closing(Journal(path)) as journal:
        return set(journal.begun), {number: journal.read(number) for number in journal.kept}


@fuzzed(60)
def test_a_journal_that_was_cut_tells_all_that_stands_before_the_cut(random):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "journal")
        states = a_journal(random, path)
        cut = random.randint(states[0][0], states[-1][0])
        os.truncate(path, cut)
        _, begun, kept = [state for state in states if state[0] <= cut][-1]
        assert load(path) == (begun, kept)
        assert load(path) == (begun, kept)  # the torn record is gone


@fuzzed(120)
def test_a_damaged_journal_is_refused_or_makes_nobody_ask_twice(random):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "journal")
        a_journal(random, path)
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(damaged(random, data))
        try:
            begun, kept = load(path)
        except ValueError as error:
            assert len(str(error)) < 200
            return
        for number, line in kept.items():
            assert json.loads(line)["line"] == number
