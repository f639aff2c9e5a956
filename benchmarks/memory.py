"""Sends a million requests and prints what the gateway's memory does meanwhile.

``python benchmarks/memory.py [--requests N] [--peers litellm,...]`` on the bed of ``gateway.py``.
"""

from bed.running import Options, bed_with
from gateway import parser

STEPS = 10


def main() -> None:
    made = parser()
    made.description = __doc__
    made.add_argument("--requests", type=int, default=1_000_000)
    made.add_argument("--connections", type=int, default=32)
    given = vars(made.parse_args())
    requests, connections = given.pop("requests"), given.pop("connections")
    with bed_with(Options(**given)) as (bed, running):
        for one in running:
            print(f"\n### {one.gateway.name}, {connections} connections\n")
            print("| requests | memory MB | requests/s |\n|---:|---:|---:|")
            print(f"| 0 | {one.process.used().megabytes:.1f} | |")
            for step in range(1, STEPS + 1):
                rate = bed.soak(one, "plain", connections, requests // STEPS)
                memory = one.process.used().megabytes
                print(f"| {requests // STEPS * step:,} | {memory:.1f} | {rate:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
