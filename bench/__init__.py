"""The benchmark in eleven rooms. A room imports only from rooms below it; ``docs/architecture.md`` shows the plan.

From top to bottom: ``stages`` (one verb each), ``pages``, ``workflow``, ``results``, ``analyses``, ``training``,
``models``, ``scoring``, ``config``, ``data``, ``foundation``. ``__main__`` alone reads the command line.
"""
