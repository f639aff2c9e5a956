"""The guard: certifies that what saves money regrets little, and says when it no longer does.

``terms`` what is asked of it, ``states`` where it stands, ``hypotheses`` what is tested, and
``transitions`` and ``drift`` what follows. ``judged`` reckons with a judge's errors; ``needed``
tells how long it takes. None of these does I/O or reads a clock, or knows what is guarded: a rule
of a route, a cache or a cascade is a ``key`` (``keys``), and what is asked of it a ward
(``wards``).

``assessor`` reads the evidence and writes down what follows, with ``blocks`` for drift and
``recorded`` for events; ``keeper`` has it do so, and tells the routes.
"""
