"""What happens to a photograph, and how the answer is scored: degradation, metrics, classical references.

All of it follows a protocol (`bench.data.protocols`); a change that moves a number raises ``DEGRADE_VERSION`` or
``EVAL_VERSION``. pyiqa has one door here. No network and no torch, but inside that door.
"""
