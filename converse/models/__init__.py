"""The networks of the paper, one family a file, declared by the literal ``MODELS`` at its top.

The literal's keys are described in :mod:`converse.declarations.model_info`; :func:`converse.build_model` is the
door. Every spatial operator is injected, so a family is one class whatever its operator.
"""
