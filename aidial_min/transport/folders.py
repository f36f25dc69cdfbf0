"""Whole folders up and down: the two drivers of a Task, with threads and with asyncio tasks.

They run several jobs at once, each step in its place, and hand what came of them to the task's report.
They must not know what a job is about: the steps say what to do (core/jobs.py).
"""

from typing import Any, Dict, Iterator, Tuple, TypeVar, Union

from ..core.jobs import Job, Save, Task, Work
from ..errors import DialException

R = TypeVar("R")

Outcome = Union[str, Exception]
"""What became of a job: the word it returned, or the error that ended it."""


def carry_out(client: Any, task: "Task[R]") -> R:
    """Carry out a task with threads; those that run are waited for in any case."""
    from concurrent.futures import ThreadPoolExecutor

    jobs = task.plan(list(client._iterate(task.listing)))
    with ThreadPoolExecutor(max_workers=max(1, min(task.max_workers, len(jobs)))) as pool:
        futures = [pool.submit(_finish, client, job) for job in jobs]
        try:
            outcomes = [future.result() for future in futures]
        except BaseException:  # Ctrl-C: those that have not begun never will
            for future in futures:
                future.cancel()
            raise
    return task.report([(job.name, outcome) for job, outcome in zip(jobs, outcomes)])


def _finish(client: Any, job: Job) -> Outcome:
    value: Any = None
    move = job.steps.send
    try:
        while True:
            step = move(value)
            move = job.steps.send
            try:
                if isinstance(step, Work):
                    value = step.call()
                elif isinstance(step, Save):
                    with client._download(step.download) as response:
                        step.prepare()
                        value = response.write_to(step.path)
                else:
                    value = client._run(step)
            except DialException as error:
                value, move = error, job.steps.throw
    except StopIteration as stop:
        return str(stop.value)
    except (DialException, OSError) as error:
        return error


async def carry_out_async(client: Any, task: "Task[R]") -> R:
    """Carry out a task with asyncio tasks, and what blocks in threads; when it is cancelled, they are, too."""
    import asyncio

    loop = asyncio.get_running_loop()
    items = [item async for item in client._iterate(task.listing)]
    jobs = await loop.run_in_executor(None, task.plan, items)
    outcomes: Dict[int, Outcome] = {}
    left = iter(enumerate(jobs))
    workers = [
        loop.create_task(_work(client, left, outcomes)) for _ in range(max(1, min(task.max_workers, len(jobs))))
    ]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return task.report([(job.name, outcomes[index]) for index, job in enumerate(jobs)])


async def _work(client: Any, left: Iterator[Tuple[int, Job]], outcomes: Dict[int, Outcome]) -> None:
    for index, job in left:
        outcomes[index] = await _finish_async(client, job)


async def _finish_async(client: Any, job: Job) -> Outcome:
    import asyncio

    loop = asyncio.get_running_loop()
    value: Any = None
    move = job.steps.send
    try:
        while True:
            step = move(value)
            move = job.steps.send
            try:
                if isinstance(step, Work):
                    value = await loop.run_in_executor(None, step.call)
                elif isinstance(step, Save):
                    async with await client._download(step.download) as response:
                        await loop.run_in_executor(None, step.prepare)
                        value = await response.awrite_to(step.path)
                else:
                    value = await client._run(step)
            except DialException as error:
                value, move = error, job.steps.throw
    except StopIteration as stop:
        return str(stop.value)
    except (DialException, OSError) as error:
        return error
