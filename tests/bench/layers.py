"""How large a layer is and what a cold start with it costs: a script, not a test; it prints the table of README.md.

    python3 tests/bench/layers.py [--rounds N]

A cold start is a process of its own: CPU time and memory from before the import to after the first answer, against a
server in another process (Linux alone tells the memory). Rounds of the ways to be compared alternate, and medians are
shown. `floor` is http.client with json doing the same call.
"""

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from contextlib import redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from aidial_min.cli import run  # noqa: E402
from aidial_min.testing import DialServer  # noqa: E402

ASK = """
import sys, time
def resident():  # in MiB; the peak that getrusage tells is the parent's at first
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) / 256
sys.path.insert(0, sys.argv[1])
before, began = resident(), time.process_time()
%s
spent = time.process_time() - began
print(spent * 1000, resident() - before)
"""

CLIENT = """
from aidial_min import Dial
client = Dial(base_url=sys.argv[2], api_key="dial-key")
messages = [{"role": "user", "content": "2+3="}]
answer = client.chat.completions.create(deployment_name="calculator", messages=messages)
assert answer.choices[0].message.content == "5"
"""

FLOOR = """
import http.client, json
connection = http.client.HTTPConnection(sys.argv[2].partition("//")[2])
body = json.dumps({"messages": [{"role": "user", "content": "2+3="}]})
headers = {"api-key": "dial-key", "content-type": "application/json"}
connection.request("POST", "/openai/deployments/calculator/chat/completions", body, headers)
answer = json.loads(connection.getresponse().read())
assert answer["choices"][0]["message"]["content"] == "5"
"""

WAYS = {
    "whole": ["layer"],
    "`--slim`": ["layer", "--slim"],
    "`--slim --bytecode`": ["layer", "--slim", "--bytecode"],
    "`--slim`, imported from the zip": ["layer", "--slim"],
}


def make(folder, words):
    """Make a layer; returns its path."""
    with redirect_stdout(io.StringIO()):
        assert run(["bundle", *words[:1], str(folder / "layer.zip"), *words[1:]]) == 0
    return folder / "layer.zip"


def cold_start(code, path, url):
    """CPU milliseconds and MiB of a process that asks once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIAL"))}
    words = [sys.executable, "-S", "-B", "-c", ASK % code, str(path), url]
    done = subprocess.run(words, env={**environment, "NO_PROXY": "*"}, capture_output=True, check=True)
    return tuple(map(float, done.stdout.split()))


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=21)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as place, DialServer() as server:
        ways, sizes = {"floor": (FLOOR, place)}, {"floor": ("", "")}
        for number, (name, words) in enumerate(WAYS.items()):
            folder = Path(place) / str(number)
            folder.mkdir()
            layer = make(folder, words)
            with zipfile.ZipFile(layer) as file:
                file.extractall(folder)
                unpacked = sum(entry.file_size for entry in file.infolist())
            sizes[name] = (layer.stat().st_size, unpacked)
            ways[name] = (CLIENT, layer / "python" if "zip" in name else folder / "python")
        found = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (code, path) in ways.items():
                found[name].append(cold_start(code, path, server.url))
    print("Python %d.%d.%d; medians of %d" % (*sys.version_info[:3], rounds))
    print("| layer | zip | unpacked | CPU, import to first answer | of the floor | memory |")
    print("|---|---|---|---|---|---|")
    floor = statistics.median(spent for spent, _ in found["floor"])
    for name, samples in found.items():
        spent, memory = (statistics.median(column) for column in zip(*samples))
        packed, unpacked = ("%.0f KB" % (size / 1000) if size else "" for size in sizes[name])
        row = (name, packed, unpacked, spent, spent / floor, memory)
        print("| %s | %s | %s | %.0f ms | %.1f x | +%.1f MiB |" % row)


if __name__ == "__main__":
    main()
