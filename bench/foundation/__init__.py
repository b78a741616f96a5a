"""What everything stands on: errors, behaviour versions, strict YAML, atomic files, processes, progress, provenance.

Knows nothing of images, networks or tables, and imports no other room.
"""
