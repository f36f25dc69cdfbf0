"""What the client costs, beside plain http.client + json in the same run: a script, not a test.

    python3 tests/bench/bench.py                    every row
    python3 tests/bench/bench.py call stream        these rows; --list names them all
    python3 tests/bench/bench.py --quick            fewer rounds
    python3 tests/bench/bench.py --json FILE        the figures as JSON, too ("-": instead of the tables)
    python3 tests/bench/bench.py --package FOLDER   another copy of the package: FOLDER/aidial_min
    python3 tests/bench/bench.py --against FOLDER   that copy beside this one, in the same rounds ("Dial, other")
    python3 tests/bench/bench.py --profile ROW      where the time of this row goes in our clients

Figures are CPU time of the client (of its whole process, where it says "start"); the server is another process. Rounds
of the ways to be compared alternate; shown are the median of the values and the median of the ratios to the first way.
The target of a row is the greatest ratio that it may have. aidial-client and openai are compared where they are
installed.
"""

import argparse
import cProfile
import json
import os
import pstats
import shutil
import statistics
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import fresh
from server import CHUNKS, MIB, PACED, server_process
from ways import CALLS, IN_FLIGHT, OFFICIAL, PLAIN, THREADS, Place, ours

ROOT = Path(__file__).resolve().parents[2]

SYNC = ("http.client + json", "Dial", "AsyncDial", "aidial-client", "aidial-client, async", "openai", "openai, async")
BLOCKING = ("http.client + json", "Dial", "aidial-client", "openai")
WAITING = ("asyncio + json", "AsyncDial", "AsyncDial, all kept", "aidial-client, async", "openai, async")

Warm = namedtuple("Warm", "title unit targets ways action count tls")
"""A row measured in this process. targets: ratios, by way. count: what one round divides its time by."""
Fresh = namedtuple("Fresh", "title unit targets kind form tls")
"""A row measured in processes of its own."""

ROWS = {
    "import": Fresh("Start of a process and import", "ms", {}, "import", "installed", False),
    "start": Fresh("Start of a process to its first answer", "ms", {"Dial": 1.35}, "start", "installed", False),
    "start-source": Fresh("The same, without bytecode", "ms", {"Dial": 1.6}, "start", "source", False),
    "start-layer": Fresh("The same, from a layer", "ms", {"Dial": 1.35}, "start", "layer", False),
    "start-tls": Fresh("The same, over TLS", "ms", {"Dial": 1.35}, "start", "installed", True),
    "memory": Fresh("Memory after the first answer", "MiB", {"Dial": 2.5}, "memory", "installed", False),
    "call": Warm("A call", "us", {"Dial": 0.8}, SYNC, "call", 1, False),
    "call-tls": Warm("A call over TLS", "us", {"Dial": 0.8}, BLOCKING, "call", 1, True),
    "list": Warm("A list of 100 deployments", "us", {"Dial": 1.3}, BLOCKING, "list", 1, False),
    "stream": Warm(
        "A streamed chunk, %d at once" % CHUNKS, "us", {"Dial": 1.3, "AsyncDial": 1.4}, SYNC, "stream", CHUNKS, False
    ),
    "stream-paced": Warm("A streamed chunk, one per packet", "us", {"Dial": 1.1}, SYNC, "paced", PACED, False),
    "in-flight": Warm(
        "An async call, %d in flight" % IN_FLIGHT, "us", {"AsyncDial": 3.0}, WAITING, "in_flight", IN_FLIGHT, False
    ),
    "threads": Warm(
        "A call, %d threads" % THREADS, "us", {"Dial": 0.8}, BLOCKING[:2], "threads", THREADS * CALLS, False
    ),
    "threads-tls": Warm(
        "A call over TLS, %d threads" % THREADS, "us", {"Dial": 0.8}, BLOCKING[:2], "threads", THREADS * CALLS, True
    ),
    "upload": Fresh("An upload from a file", "ms/MiB", {"Dial": 0.7}, "upload", "installed", False),
    "download": Fresh("A download to a file", "ms/MiB", {"Dial": 1.0}, "download", "installed", False),
}
SCALE = {"us": 1e6, "ms": 1e3, "MiB": 1.0, "ms/MiB": 1e3}
ROUND = {"call": 500, "list": 100, "stream": 1, "paced": 1, "in_flight": 10, "threads": 1}
"""How often an action is carried out in one round."""


class Bench:
    """One run: where the server is, and which packages are compared."""

    def __init__(self, place, quick, packages, folder):
        self.place = place
        self.quick = quick
        self.folder = folder
        self.packages = packages  # {mark: folder of the prepared copies}
        self.ways = {**PLAIN, **OFFICIAL}
        for mark, package in packages.items():
            self.ways.update(ours(package, mark))

    def names(self, wanted):
        """The ways of a row that are to be had here, the other copy's beside ours."""
        for name in wanted:
            for mark in ["", *filter(None, self.packages)] if name.startswith(("Dial", "AsyncDial")) else [""]:
                if name + mark in self.ways:
                    yield name + mark

    def measure(self, row):
        """{way: [values of all rounds]}, in seconds or MiB, and {way: [what else is worth showing]}."""
        place = self.place._replace(tls=row.tls)
        return self._warm(row, place) if isinstance(row, Warm) else self._fresh(row, place)

    def _warm(self, row, place):
        ways = {name: self.ways[name](place) for name in self.names(row.ways)}
        ways = {name: way for name, way in ways.items() if getattr(way, row.action, None)}
        count = 1 if row.count > 1000 else ROUND[row.action]
        taken = {name: [] for name in ways}
        for way in ways.values():
            getattr(way, row.action)(1)
        for number in range(3 if self.quick else 9):
            for name, way in due(ways, number):
                began = time.process_time()
                getattr(way, row.action)(count)
                taken[name].append((time.process_time() - began) / count / row.count)
        for way in ways.values():
            way.close()
        return taken, {}

    def _fresh(self, row, place):
        rounds = {"upload": 5, "download": 5}.get(row.kind, 21)
        codes, extra = self._codes(row, place), {}
        taken = {name: [] for name in codes}
        size = (20 if self.quick else 100) * MIB
        for number in range(-1, 3 if self.quick else rounds):  # the first one warms the caches of files
            for name, code in due(codes, number):
                value, more = self._once(row, code, size)
                if number >= 0:
                    taken[name].append(value)
                    extra.setdefault(name, []).append(more)
        return taken, extra

    def _codes(self, row, place):
        makers = {
            "import": lambda: fresh.IMPORTS,
            "upload": lambda: fresh.UPLOADS,
            "download": lambda: fresh.DOWNLOADS,
        }
        codes = makers.get(row.kind, lambda: fresh.first_answers(place, OFFICIAL))()
        found = {}
        for name, code in codes.items():
            for mark in self.packages if "aidial_min" in code else [""]:
                folder = os.path.join(self.folder, "copies" + mark, row.form)
                found[name + mark] = fresh.PATH_FIRST % folder + code + (fresh.PEAK if row.kind == "memory" else "")
        return found

    def _once(self, row, code, size):
        if row.kind in ("upload", "download"):
            path = os.path.join(self.folder, "big")
            if not os.path.exists(path) or os.path.getsize(path) != size:
                with open(path, "wb") as file:
                    for _ in range(size // MIB):
                        file.write(os.urandom(MIB))
            cpu, wall, grown = map(float, fresh.run(code, self.place.port, path, size).printed.split())
            return cpu * MIB / size, "%.0f MiB/s, +%.1f MiB" % (size / MIB / wall, grown)
        done = fresh.run(code)
        return (float(done.printed), "") if row.kind == "memory" else (done.cpu, done.wall)


def due(ways, number):
    """What is measured in a round: other clients only in the first ones."""
    return [(name, way) for name, way in ways.items() if number < 3 or name not in OFFICIAL]


def figures(row, taken, extra):
    """{way: value, ratio and target} of a row; of memory, the difference takes the place of the ratio."""
    base = next(iter(taken.values()))
    found = {}
    for name, values in taken.items():
        compare = (lambda value, first: value - first) if row.unit == "MiB" else (lambda value, first: value / first)
        ratio = statistics.median(map(compare, values, base))
        found[name] = {"value": statistics.median(values) * SCALE[row.unit], "ratio": ratio}
        target = row.targets.get(name.partition(", other")[0])
        if target is not None:
            found[name].update(target=target, met=ratio <= target)
        more = extra.get(name)
        if more and isinstance(more[0], float):
            found[name]["more"] = "%.0f ms passed" % (statistics.median(more) * 1e3)
        elif more and more[0]:
            found[name]["more"] = more[len(more) // 2]
    return found


def show(name, row, found):
    print("\n%s (%s)" % (row.title, name))
    sign = "+" if row.unit == "MiB" else "x"
    for way, figure in found.items():
        target = "at most %-4g %s" % (figure["target"], "ok" if figure["met"] else "OVER") if "target" in figure else ""
        words = (way, figure["value"], row.unit, figure["ratio"], sign, target, figure.get("more", ""))
        print(("  %-26s %9.2f %-6s %6.2f %s  %-18s %s" % words).rstrip(), flush=True)


def profile(bench, name):
    """Print where the time of a row goes, for each of our clients that it measures."""
    row = ROWS[name]
    place = bench.place._replace(tls=row.tls)
    if isinstance(row, Fresh):
        for way, code in bench._codes(row, place).items():
            if "aidial_min" not in code:
                continue
            if row.kind not in ("upload", "download"):
                print("\n%s: imports, by microseconds of their own" % way, flush=True)
                print("\n".join(fresh.slowest_imports(code, 40)))
            else:
                print("\n%s" % way, flush=True)
                arguments = [bench.place.port, os.path.join(bench.folder, "big"), 100 * MIB]
                with open(arguments[1], "wb") as file:
                    file.truncate(arguments[2])
                print(fresh.run(_PROFILED % code, *arguments).printed)
        return
    for way in bench.names(row.ways):
        if way.startswith(("Dial", "AsyncDial")):
            made = bench.ways[way](place)
            action = "call" if row.action == "threads" else row.action  # a profiler sees its own thread alone
            if getattr(made, action, None):
                getattr(made, action)(1)
                watch = cProfile.Profile()
                watch.runcall(getattr(made, action), ROUND[action])
                print("\n%s" % way)
                pstats.Stats(watch).sort_stats("tottime").print_stats(40)
            made.close()


_PROFILED = """
import cProfile, pstats
watch = cProfile.Profile()
watch.enable()
exec(%r)
watch.disable()
pstats.Stats(watch).sort_stats("tottime").print_stats(30)
"""


def copies(options, folder):
    """Import the packages to be compared: {mark: name}, and lay out their copies for new processes."""
    packages = {"": ("aidial_min", options.package)}
    if options.against is not None:
        packages[", other"] = ("aidial_other", options.against)
    for mark, (name, root) in packages.items():
        source = Path(root).resolve() / "aidial_min"
        fresh.prepare(str(source), os.path.join(folder, "copies" + mark))
        imported = os.path.join(folder, "imported", name)
        shutil.copytree(source, imported, ignore=shutil.ignore_patterns("__pycache__"))
    sys.path.insert(0, os.path.join(folder, "imported"))
    return {mark: name for mark, (name, _) in packages.items()}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--package", metavar="FOLDER", default=str(ROOT))
    parser.add_argument("--against", metavar="FOLDER")
    parser.add_argument("--profile", metavar="ROW")
    options = parser.parse_args()
    for name in [*options.rows, *filter(None, [options.profile])]:
        if name not in ROWS:
            parser.error("there is no row %s: %s" % (name, ", ".join(ROWS)))
    return options


def main():
    options = arguments()
    if options.list:
        for name, row in ROWS.items():
            print("%-14s %s" % (name, row.title))
        return
    with tempfile.TemporaryDirectory() as folder, server_process() as (port, tls_port, certificate):
        bench = Bench(Place(port, tls_port, certificate, False), options.quick, copies(options, folder), folder)
        if options.profile:
            profile(bench, options.profile)
            return
        results = {"python": sys.version.split()[0], "platform": sys.platform, "rows": {}}
        if options.json != "-":
            print("CPython %s, %s" % (results["python"], results["platform"]))
        for name in options.rows or ROWS:
            row = ROWS[name]
            if row.tls and tls_port is None:
                print("\n%s: left out, there is no openssl command" % name, file=sys.stderr)
                continue
            found = figures(row, *bench.measure(row))
            results["rows"][name] = {"title": row.title, "unit": row.unit, "ways": found}
            if options.json != "-":
                show(name, row, found)
        if options.json == "-":
            print(json.dumps(results, indent=1))
        elif options.json:
            Path(options.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
