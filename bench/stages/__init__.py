"""One file per verb of ``python -m bench``, in the order of the data: fetch, check, train, evaluate, … , report.

A stage reads files, calls the rooms below and writes files. It may know everything below it and never another stage:
stages meet in files. What two stages need belongs in the room of its subject.
"""
