"""The program of aidial_min/README.md's chapter "Many machines", as test_dask.py runs it: a batch on two processes.

It needs dask and distributed beside this package; DIAL_URL and DIAL_API_KEY name the server.
"""

import json
import os

import dask
from dask.distributed import Client, LocalCluster

from aidial_min import Dial, DialException


def ask(prompt, dial):
    messages = [{"role": "user", "content": prompt}]
    try:
        completion = dial.chat.completions.create(deployment_name="calculator", messages=messages)
    except DialException as error:  # a value like any other, so that the other prompts go on
        return {"prompt": prompt, "error": repr(error), "request_sent": error.request_sent}
    return {"prompt": prompt, "answer": completion.choices[0].message.content, "process": os.getpid()}


if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 0})  # never ask again what a dead process was asking
    prompts = ["%d+1=" % number for number in range(1000)]
    with LocalCluster(n_workers=2, threads_per_worker=8, dashboard_address=None) as cluster, Client(cluster) as engine:
        dial = engine.scatter(Dial(), broadcast=True)  # its settings travel, once to each process
        answers = engine.gather(engine.map(ask, prompts, dial=dial, pure=False))
    with open("answers.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(answer) + "\n" for answer in answers)
