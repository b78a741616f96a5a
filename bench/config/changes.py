"""What a row or a model changes of its task's budget or degradation in training, and a task of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from bench.config.budget import Budget, Degradation
from bench.foundation import strict_yaml
from bench.foundation.errors import nearest
from bench.foundation.strict_yaml import Keys
from converse.declarations.model_info import models

Changed = TypeVar("Changed", Budget, Degradation)


def changed(given: Changed, changes: Mapping[str, Any], document: strict_yaml.Document, at: Keys) -> Changed:
    """A budget or degradation with a row's changes, validated anew.

    Raises:
        BenchError: an unknown field or a value that is not allowed, with file, line and nearest valid name.
    """
    if not changes:
        return given
    known = type(given).model_fields
    for key in changes:
        if key not in known:
            hint, allowed = nearest(key, known), ", ".join(known)
            raise document.error((*at, key), f"unknown field {key!r}{hint} (allowed: {allowed})")
    try:
        return type(given).model_validate({**given.model_dump(exclude_none=True), **changes})
    except ValidationError as error:
        raise document.error(at, error.errors()[0]["msg"]) from error


def check_options(options: Mapping[str, Any], document: strict_yaml.Document, at: Keys) -> None:
    """Every option that a preset gives to all networks of a task is one of some network: others pass it by.

    Args:
        options: of the task.
        document: the preset.
        at: the keys of `options` in it: ``tasks``, the task, ``options``.

    Raises:
        BenchError: with file, line and nearest valid name.
    """
    valid = {key for info in models().values() for key in info.defaults}
    for option in options:
        if option not in valid:
            raise document.error((*at, option), f"no network has an option {option!r}{nearest(option, valid)}")


def check_tuned(
    tuned: Mapping[str, Mapping[str, Any]], budget: Budget | None, document: strict_yaml.Document, at: Keys
) -> None:
    """Every model that a preset tunes for a task is one of that task, and what it changes is a field of the budget.

    Args:
        tuned: model to the fields that it changes.
        budget: the task's; None where nothing is trained.
        document: the preset.
        at: the keys of `tuned` in it: ``tasks``, the task, ``tuned``.

    Raises:
        BenchError: with file, line and nearest valid name.
    """
    task = str(at[1])
    known = [name for name, info in models().items() if info.task == task] if tuned else []
    for model, fields in tuned.items():
        if model not in known:
            allowed = f"{nearest(model, known)} (allowed: {', '.join(known)})"
            raise document.error((*at, model), f"no model of {task}: {model!r}{allowed}")
        if budget is None:
            raise document.error((*at, model), "there is no budget that it could change")
        changed(budget, fields, document, (*at, model))
