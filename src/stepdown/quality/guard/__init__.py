"""The guard: certifies that what saves money regrets little, and says when it no longer does.

``terms`` what is asked of it, ``states`` where it stands, ``hypotheses`` what is tested, and
``transitions`` and ``drift`` what follows. ``judged`` reckons with a judge's errors; ``needed``
tells how long it takes. Nothing here does I/O or reads a clock, or knows what is guarded: a rule of
a route, a cache or a cascade is a ``key``.
"""
