"""One step of a training on a given batch: loss, gradients, clipping, Adam; on a GPU recorded once and replayed.

A small network's step is some hundred kernels of microseconds each, which Python launches more slowly than the device
runs them. A CUDA graph launches them at once; they are the same kernels on the same numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from bench.training.batch import Batch

WARM_UP = 3
"""Steps before one is recorded: libraries make their plans and buffers, Adam its state."""
Loss = Callable[[Batch], Tensor]


class Stepper:
    """Steps of Adam.

    Args:
        parameters: what is trained.
        loss: of a batch, with a graph.
        lr: the first learning rate.
        clip: greatest norm of all gradients; None: not clipped.
        device: where the parameters are.
        records: whether a step may be recorded: every batch has the same shapes.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        loss: Loss,
        lr: float,
        clip: float | None,
        device: torch.device,
        records: bool,
    ) -> None:
        self._parameters, self._loss, self._clip, self._device = list(parameters), loss, clip, device
        self._records = records and device.type == "cuda"
        # A number would be part of a recording; a tensor can be set between two replays.
        first: float | Tensor = torch.tensor(lr, device=device) if self._records else lr
        self.optimizer = torch.optim.Adam(self._parameters, lr=first, fused=True, capturable=self._records)
        self._stream = torch.cuda.Stream(device) if self._records else None
        self.forget()

    def forget(self) -> None:
        """Drops a recording: the optimizer's state has been replaced."""
        self._done = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._held: Batch | None = None
        self._recorded_loss: Tensor | None = None

    def __call__(self, batch: Batch, lr: float) -> Tensor:
        """The loss before the step, detached; the weights are moved."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr
        if not self._records or self._stream is None:
            return self._step(batch)
        with torch.cuda.device(self._device):
            return self._replayed(batch, self._stream)

    def _replayed(self, batch: Batch, stream: torch.cuda.Stream) -> Tensor:
        if self._graph is None and self._done >= WARM_UP:
            self._record(batch, stream)
        self._done += 1
        if self._graph is None or self._held is None or self._recorded_loss is None:
            current = torch.cuda.current_stream()
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                loss = self._step(batch)
            current.wait_stream(stream)
            return loss
        self._held.copy_(batch)
        self._graph.replay()
        return self._recorded_loss.clone()

    def _step(self, batch: Batch) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        loss.backward()
        if self._clip is not None:
            # A gradient that is not finite stays so, and the next row of the curve says it.
            torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self.optimizer.step()
        return loss.detach()

    def _record(self, batch: Batch, stream: torch.cuda.Stream) -> None:
        """Records a step on a copy of ``batch``; a network that cannot be recorded is stepped as it is."""
        held, graph, current = batch.clone(), torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*CUDA Graph is empty")
                # Other threads make batches in pinned memory meanwhile, which the global mode forbids.
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    self._recorded_loss = self._step(held)
        except (RuntimeError, UserWarning) as error:
            torch.cuda.set_stream(current)  # torch leaves the recorded one current where the end of a recording fails
            reason = " ".join(str(error.__context__ or error).split())[:200]
            warnings.warn(f"a step of this network cannot be recorded, it is launched anew: {reason}", stacklevel=2)
            self._records, self._recorded_loss = False, None
            self.optimizer.zero_grad(set_to_none=True)
            return
        self._held, self._graph = held, graph
