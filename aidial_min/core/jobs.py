"""Work on many files, as values: a Task lists what is there and makes Jobs of it; a Job is a generator of steps.

Steps are Requests, Work (local and blocking) and Save (a download into a file). The two drivers in transport/folders.py
carry them out, several jobs at once, and decide nothing.
It knows the shape of such work; it must not know threads, loops, or what a job is about.
"""

from typing import Any, Callable, Generator, Generic, List, NamedTuple, Tuple, TypeVar, Union

from .call import Download, Pages, Request

Report = TypeVar("Report")


class Work(NamedTuple):
    """Call this, where blocking does no harm; send back what it returned."""

    call: Callable[[], Any]


class Save(NamedTuple):
    """Download into the file `path`, which appears when all of it has come; `prepare` makes room for it."""

    download: Download
    path: str
    prepare: Callable[[], Any]


Steps = Generator[Union[Request[Any], Work, Save], Any, str]
"""The steps of a job; it returns one word: what has been done."""


class Job(NamedTuple):
    """One file's work, under the name by which the report speaks of it."""

    name: str
    steps: Steps


class Task(Generic[Report]):
    """Work on a whole folder.

    Args:
        listing: what the storage holds there.
        plan: makes the jobs, given the entries of the listing; it may block.
        report: makes the result of what became of each job: its word, or the error that ended it.
        max_workers: how many jobs may run at once.
    """

    __slots__ = ("listing", "plan", "report", "max_workers")

    def __init__(
        self,
        listing: Pages[Any],
        plan: Callable[[List[Any]], List[Job]],
        report: Callable[[List[Tuple[str, Union[str, Exception]]]], Report],
        max_workers: int,
    ) -> None:
        self.listing = listing
        self.plan = plan
        self.report = report
        self.max_workers = max_workers
