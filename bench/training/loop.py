"""One training: steps, validation, the curve, and a state from which it goes on bit for bit.

L1 (or L2) loss and Adam (Zhang et al., plug-and-play DRUNet, whose training the paper follows); learning rate and
average by `bench.training.recipe`. Nothing is selected on the validation crops.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.config.budget import Budget
from bench.models.arithmetic import drawing
from bench.training.batch import Batch
from bench.training.feeding import Feed
from bench.training.recipe import Average, learning_rate
from bench.training.sampling import Sampler
from bench.training.stepping import Stepper

COLUMNS = ("step", "loss", "lr", "seconds", "val_loss", "val_psnr")
EXPLODED = 100.0
"""A mean loss this many times the first one (at least 1, the full range of an image) is divergence."""


class Diverged(Exception):
    """Training went astray; the message says at which step and how. The weights are the last good ones."""


class Training:
    """A network in training.

    Args:
        model: on ``device``, in training mode.
        sampler: gives batches and validation crops.
        budget: steps, learning rate, schedule, loss.
        device: where to compute.
        needs_kernel: the network takes the blur kernel too.
        records: a GPU may record a step and replay it: nothing in the network counts calls or reads numbers back.
    """

    def __init__(
        self,
        model: nn.Module,
        sampler: Sampler,
        budget: Budget,
        device: torch.device,
        needs_kernel: bool = False,
        records: bool = True,
    ) -> None:
        self.model, self.sampler, self.budget, self.device = model, sampler, budget, device
        self.needs_kernel = needs_kernel
        self.feed = Feed(sampler, device, budget.steps)
        same_shapes = not budget.patches
        self._stepper = Stepper(
            model.parameters(), self._batch_loss, budget.lr, budget.clip, device, records and same_shapes
        )
        self.optimizer = self._stepper.optimizer
        self.step = 0
        self.rows: list[dict[str, float | int | None]] = []
        self.seconds = 0.0
        self._since = time.perf_counter()
        self._pending: list[Tensor] = []
        self._average = Average(model, budget.average) if budget.average else None
        self._good = self._snapshot()
        self._held = [b.to(device) for b in sampler.validation(budget.crops)]
        self._due = budget.curve_grid()

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.budget.steps

    def advance(self) -> None:
        """One step, and a row of the curve where one is due.

        Raises:
            Diverged: a loss, a weight or a buffer is not finite, or the loss has exploded.
        """
        batch = self.feed.batch(self.step)
        with drawing(self.sampler.seed, self.step, self.device):
            loss = self._stepper(batch, learning_rate(self.budget, self.step))
        if self._average is not None:
            self._average.update(self.model, self.step)
        self._pending.append(loss)
        self.step += 1
        if self.step in self._due:
            self._row(validated=self._due[self.step])

    def exchange(self) -> None:
        """Exchanges the weights in training with those that are kept: the average, where the budget asks for one."""
        if self._average is not None:
            self._average.swap(self.model)

    def validate(self) -> tuple[float, float]:
        """Mean loss and mean PSNR (dB, clipped to [0, 1], unrounded) over the validation crops."""
        self.exchange()
        self.model.eval()
        losses, errors = [], []
        with torch.no_grad(), drawing(self.sampler.seed, self.step, self.device):
            for batch in self._held:
                restored = self._apply(batch)
                losses.append(self._loss(restored, batch.clean))
                errors.append((restored.clamp(0, 1) - batch.clean).square().mean(dim=(1, 2, 3)))
        self.model.train()
        self.exchange()  # back to the weights in training
        # Read once, after all: a GPU stands still for every number that is asked of it.
        psnrs = [-10.0 * math.log10(max(e, 1e-12)) for e in torch.cat(errors).tolist()]
        return sum(torch.stack(losses).tolist()) / len(losses), sum(psnrs) / len(psnrs)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and metadata from which `resume` goes on."""
        tensors = {f"model.{name}": t for name, t in self.model.state_dict().items()}
        tensors |= {f"good.{name}": t for name, t in self._good.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": t for name, t in moments.items()}
        if self._average is not None:
            tensors |= {f"average.{name}": t for name, t in self._average.weights.items()}
        if self._pending:
            tensors["pending"] = torch.stack(self._pending)
        return tensors, {"step": self.step, "seconds": self.elapsed(), "rows": self.rows}

    def resume(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        """Puts the training where `state` was taken."""
        self.model.load_state_dict(_under("model.", tensors))
        self._good = {n: t.to(self.device) for n, t in _under("good.", tensors).items()}
        adam = self.optimizer.state_dict()
        adam["state"] = {}
        for key, tensor in _under("adam.", tensors).items():
            index, name = key.split(".", 1)
            adam["state"].setdefault(int(index), {})[name] = tensor
        self.optimizer.load_state_dict(adam)
        self._stepper.forget()
        if self._average is not None:
            self._average.load(_under("average.", tensors).items())
        self._pending = list(tensors["pending"].to(self.device)) if "pending" in tensors else []
        self.step, self.rows = int(meta["step"]), list(meta["rows"])
        self.seconds, self._since = float(meta["seconds"]), time.perf_counter()

    def elapsed(self) -> float:
        """Seconds of training so far, over all processes that took part."""
        return self.seconds + time.perf_counter() - self._since

    def note(self) -> str:
        """The last row in a few words."""
        if not self.rows:
            return ""
        seen = [row["val_psnr"] for row in self.rows if row["val_psnr"] is not None]
        tail = f", validation {seen[-1]:.2f} dB" if seen else ""
        return f"loss {self.rows[-1]['loss']:.4g}{tail}"

    def _apply(self, batch: Batch) -> Tensor:
        inputs = (batch.degraded, batch.kernel) if self.needs_kernel else (batch.degraded,)
        restored: Tensor = self.model(*inputs)
        return restored

    def _batch_loss(self, batch: Batch) -> Tensor:
        return self._loss(self._apply(batch), batch.clean)

    def _loss(self, restored: Tensor, clean: Tensor) -> Tensor:
        return (F.l1_loss if self.budget.loss == "l1" else F.mse_loss)(restored, clean)

    def _row(self, validated: bool) -> None:
        losses = torch.stack(self._pending).double()
        first = self.step - len(self._pending) + 1
        finite = torch.isfinite(losses)
        if not bool(finite.all()):
            at = first + int((~finite).nonzero()[0])
            self._astray(f"the loss is not finite at step {at}")
        mean = float(losses.mean())
        reference = max(1.0, float(self.rows[0]["loss"] or 0.0)) if self.rows else math.inf
        if mean > EXPLODED * reference:
            self._astray(f"the loss has exploded to {mean:.3g} at step {self.step}")
        weights = {name for name, _ in self.model.named_parameters()}
        for name, tensor in self.model.state_dict().items():  # buffers are saved and loaded as well
            if not bool(torch.isfinite(tensor).all()):
                what = "a weight" if name in weights else f"the buffer {name!r}"
                self._astray(f"{what} is not finite at step {self.step}")
        val_loss, val_psnr = self.validate() if validated else (None, None)
        if val_loss is not None and not math.isfinite(val_loss):
            self._astray(f"the validation loss is not finite at step {self.step}")
        self._good = self._snapshot()
        self._pending = []
        self.rows.append(
            dict(
                zip(
                    COLUMNS,
                    (self.step, mean, learning_rate(self.budget, self.step - 1), self.elapsed(), val_loss, val_psnr),
                    strict=True,
                )
            )
        )

    def _astray(self, reason: str) -> None:
        self.model.load_state_dict(self._good)
        raise Diverged(reason)

    def _snapshot(self) -> dict[str, Tensor]:
        return {name: t.detach().clone() for name, t in self.model.state_dict().items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
