"""The registry of built-in operators: a file's name is the operator's name, one class each.

Every class is built as ``Class(channels, kernel_size, *, scale=1, padding_mode="circular",
**own options)`` and maps (B, C, H, W) to (B, C, s·H, s·W). What it supports stands in the literal
``OPERATOR`` at the top of its file (:mod:`converse.declarations.operator_info`), readable without PyTorch. An
optional classmethod ``skip``, called with the constructor's arguments, returns the reason why a
configuration cannot be served, or None.
"""
