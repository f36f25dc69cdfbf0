"""Properties tried with generated cases: a function that draws from a source of randomness, and asserts.

    @fuzzed(300)
    def test_something(random): ...

It runs with so many seeds, always the same ones; a failure names its case. FUZZ=30 in the environment runs thirty times
as many. Where hypothesis is installed, it draws too, and makes what fails small. Every test prints how many cases ran.
"""

import functools
import os
from random import Random

try:
    import hypothesis
    from hypothesis import strategies
except ImportError:
    hypothesis = None

TIMES = int(os.environ.get("FUZZ", "1"))
MOST = 300
"""Cases of hypothesis for one test, which takes its time for each."""


def fuzzed(cases):
    """Run a test with `cases` seeds (times FUZZ), and as many cases of hypothesis."""

    def decorate(check):
        def test():
            for number in range(cases * TIMES):
                try:
                    check(Random("%s %d" % (check.__name__, number)))
                except BaseException:
                    print("%s failed with case %d" % (check.__name__, number))
                    raise
            by_hypothesis = _by_hypothesis(check, min(cases * TIMES, MOST))
            print("%s: %d cases, %d of hypothesis" % (check.__name__, cases * TIMES, by_hypothesis))

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return decorate


def _by_hypothesis(check, cases):
    if hypothesis is None:
        return 0
    ran = []

    def counted(random):
        ran.append(1)
        check(random)

    functools.update_wrapper(counted, check)
    settings = hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    settings(hypothesis.given(random=strategies.randoms(use_true_random=False))(counted))()
    return len(ran)


def split(random, data):
    """Cut bytes into pieces: whole, in a few, or byte by byte."""
    way = random.randrange(4)
    if way == 0 or not data:
        return [data]
    if way == 1 and len(data) < 2000:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted({random.randrange(len(data) + 1) for _ in range(random.randint(1, 12))} | {0, len(data)})
    return [data[one:other] for one, other in zip(cuts, cuts[1:])]


def damaged(random, data):
    """The same bytes with something wrong in them: changed, left out, doubled, put in between, or cut off."""
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data) + 1)
        way = random.randrange(5)
        if way == 0 and at < len(data):
            data[at] = random.randrange(256)
        elif way == 1:
            del data[at : at + random.randint(1, 4)]
        elif way == 2:
            data[at:at] = data[at : at + random.randint(1, 20)]
        elif way == 3:
            data[at:at] = random.choice([b"\r", b"\n", b"\r\n", b" ", b":", b";", b"0", b"\x00", b"\xff", b","])
        else:
            del data[at:]
    return bytes(data)


TEXTS = [
    "",
    "a",
    "word",
    "two words",
    "Ünï",
    "日本",
    "😀",
    "\ud83d",
    "a\nb",
    "a\r\nb",
    '"',
    "\\",
    "%2F",
    "..",
    "/",
    "{}",
    "\x00",
    "\x7f",
    "\u2028",
]


def text(random):
    """A short text, often an awkward one."""
    if random.random() < 0.5:
        return random.choice(TEXTS)
    return "".join(
        chr(random.choice([random.randrange(32, 127), random.randrange(0x2FFF)])) for _ in range(random.randrange(12))
    )


def value(random, depth=3):
    """A JSON value."""
    way = random.randrange(9 if depth else 6)
    if way == 0:
        return None
    if way == 1:
        return random.random() < 0.5
    if way == 2:
        return random.choice([0, 1, -1, 10**20, random.randrange(1000)])
    if way == 3:
        return random.choice([0.5, -1e300, 1e-7])
    if way in (4, 5):
        return text(random)
    if way == 6:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    return {text(random): value(random, depth - 1) for _ in range(random.randrange(4))}
