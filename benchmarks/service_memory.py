"""Memory of the service under load: does it grow from the first minute to the last?

Clients identify LFW's photographs in a gallery of 10,000 subjects, without a pause. The memory of the service's
process is read at the end of each minute. Other work on the machine makes the requests fewer, not the memory.

    python benchmarks/service_memory.py [--minutes 10] [--clients 8] [--subjects 10000]
"""

import os
import tempfile
import threading
import time
from pathlib import Path

import command
import service
from mien.cli import IDLE_THREADS
from mien.freed_memory import THREAD_BLOCKS, TUNABLES

MINUTE = 60.0


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--subjects", type=int, default=10_000)
    given = parser.parse_args()
    command.need_package("fastapi", "serve")
    minute = MINUTE
    if given.smoke:
        given.minutes, given.clients, given.subjects, minute = 2, 2, 50, 0.3
    os.environ.setdefault(*IDLE_THREADS)
    os.environ.setdefault(TUNABLES, f"{THREAD_BLOCKS}=0")
    bodies = [service.multipart(data) for data in service.photographs(given.smoke)]
    with tempfile.TemporaryDirectory() as folder:
        gallery = service.make_gallery(Path(folder), given.subjects)
        with service.Service(Path(folder)) as served:
            found, memory = under_load(served, gallery, bodies, given.clients, given.minutes, minute)
    result = {
        "subjects": given.subjects,
        "clients": given.clients,
        "requests": len(found.milliseconds),
        "errors": found.errors,
        "memory at the end of each minute, MB": memory,
        "last over first": round(memory[-1] / memory[0], 3),
    }
    command.finish("service_memory", result, smoke=given.smoke)


def under_load(
    served: service.Service, gallery: str, bodies: list[bytes], clients: int, minutes: int, minute: float
) -> tuple[service.Load, list[int]]:
    """What the clients got, and the memory of the service at the end of each minute in MB."""
    loads: list[service.Load] = []
    asking = threading.Thread(target=lambda: loads.append(served.load(gallery, bodies, clients, minutes * minute)))
    began = time.perf_counter()
    asking.start()
    memory = []
    for number in range(1, minutes + 1):
        time.sleep(max(0.0, began + number * minute - time.perf_counter()))
        memory.append(served.memory())
    asking.join()
    return loads[0], memory


if __name__ == "__main__":
    main()
