"""A layer under a runtime like that of AWS Lambda, with the very handlers of README.md.

The layer lies read-only where Lambda puts it, the environment is Lambda's, the process is stopped between two calls,
and meanwhile the server closes every connection.
"""

import json
import os
import random
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from aidial_min.cli import run
from aidial_min.testing import DialServer
from tests.support.patience import PATIENCE, at_some_pace

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAPTER = README[README.index("### AWS Lambda") : README.index("### Vendoring, offline, frozen")]
SYNC, ASYNC = re.findall(r"^```python\n(.*?)^```$", CHAPTER, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Lambda is Linux")

BOOTSTRAP = '''
"""What Lambda's runtime does: import the handler once, and call it for every event."""
import json, sys, time
sys.path[:0] = [sys.argv[1], sys.argv[2]]  # LAMBDA_TASK_ROOT, then /opt/python
import function

class Context:
    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    def __init__(self, seconds):
        self._end = time.time() + seconds
    def get_remaining_time_in_millis(self):
        return int((self._end - time.time()) * 1000)

for line in sys.stdin:
    event = json.loads(line)
    answer = function.handler(event["event"], Context(event["seconds"]))
    print(json.dumps(answer), flush=True)
'''


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """/opt/python, read-only, from `bundle layer --slim --bytecode`."""
    place = tmp_path_factory.mktemp("opt")
    assert run(["bundle", "layer", str(place / "layer.zip"), "--slim", "--bytecode"]) == 0
    with zipfile.ZipFile(place / "layer.zip") as file:
        file.extractall(place)
    paths = list((place / "python").rglob("*"))
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield place / "python"
    assert sorted((place / "python").rglob("*")) == sorted(paths)  # nothing was written there
    for path in paths:
        path.chmod(0o755)


@pytest.fixture
def port():
    """A port that servers can come back to: free, and below those that the system gives to whoever asks for any."""
    while True:
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as listener:
                return listener.getsockname()[1]
        except OSError:
            pass  # it is taken


class Relay:
    """A way to the server that counts the connections."""

    def __init__(self, port, target):
        self.connections = 0
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                relay.connections += 1
                with socket.create_connection(("127.0.0.1", target)) as server:
                    back = threading.Thread(target=pump, args=(server, self.request))
                    back.start()
                    pump(self.request, server)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def pump(source, target):
    """Carry bytes one way, up to the end."""
    while True:
        data = source.recv(65536)
        if not data:
            target.shutdown(socket.SHUT_WR)
            return
        target.sendall(data)


class Function:
    """A process that calls a handler, stopped whenever it is not at work."""

    def __init__(self, handler, layer, folder, port):
        task = folder / "task"
        task.mkdir()
        (task / "function.py").write_text(handler)
        (folder / "bootstrap.py").write_text(BOOTSTRAP)
        environment = {
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": "ask",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "eu-central-1",
            "LAMBDA_TASK_ROOT": str(task),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
            "DIAL_URL": "http://127.0.0.1:%d" % port,
            "DIAL_API_KEY": "dial-key",
        }
        if "LD_LIBRARY_PATH" in os.environ:
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(folder / "bootstrap.py"), str(task), str(layer)],
            cwd=str(task),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def call(self, event, seconds=60.0):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps({"event": event, "seconds": seconds}).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read().decode()
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        code, said = self.process.wait(60), self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        assert (code, said) == (0, "")


HANDLERS = {
    "sync": (SYNC, {"question": "2+3="}, {"answer": "5"}),
    "async": (ASYNC, {"questions": ["2+3=", "4*5="]}, {"answers": ["5", "20"]}),
}


@pytest.mark.parametrize("fresh_process", ["first", "second"])
@pytest.mark.parametrize("kind", HANDLERS)
def test_twenty_calls_with_a_freeze_between_them(kind, fresh_process, layer, port, tmp_path):
    handler, event, answer = HANDLERS[kind]
    with Function(handler, layer, tmp_path, port) as function:
        for _ in range(20):
            with DialServer(port=port):  # its end closes every connection while the process is stopped
                assert function.call(event) == answer


@pytest.mark.parametrize("kind", HANDLERS)
def test_connections_are_kept_from_call_to_call(kind, layer, port, tmp_path):
    handler, event, answer = HANDLERS[kind]
    with DialServer() as server, Relay(port, server.port) as relay:
        with Function(handler, layer, tmp_path, port) as function:
            for _ in range(5):
                assert function.call(event) == answer
        assert relay.connections == len(event.get("questions", [1]))


@pytest.mark.parametrize("kind", HANDLERS)
def test_the_deadline_of_the_call_holds(kind, layer, port, tmp_path):
    handler, event, answer = HANDLERS[kind]

    def scenario(pace):
        folder = tmp_path / str(pace)
        folder.mkdir()
        with DialServer(port=port) as server, Function(handler, layer, folder, port) as function:
            server.reply(chunks=[PATIENCE, "too late"], times=len(event.get("questions", [1])))
            late = function.call(event, seconds=0.5 + 0.4 * pace)  # of which the handler keeps half a second
            assert "(limit: total)" in late["error"] and late["request_sent"] == "maybe"
            assert function.call(event) == answer

    at_some_pace(scenario, paces=(1.0, 4.0, 20.0))


def test_without_a_dial_the_error_is_an_answer_too(layer, port, tmp_path):
    handler, event, _ = HANDLERS["sync"]
    with Function(handler, layer, tmp_path, port) as function:
        failed = function.call(event)
    assert failed["error"].startswith("ConnectError") or "127.0.0.1" in failed["error"]
    assert failed["request_sent"] == "no"
