"""Converse2D as a layer: a learnable depthwise reverse convolution (Huang et al., ICCV 2025)."""

from __future__ import annotations

OPERATOR = {
    "label": "Converse",
    "upsampler_label": "Converse2D",
    "class": "Converse2D",
    "roles": ["spatial", "upsampler"],
    "scales": "any",
    "trains": True,
    "options": ["padding", "init", "lam", "lam_start", "x0", "eps"],
    "summary": "exact solution of a regularised deconvolution, Eq. (4), in one Fourier filter",
}

from typing import Any  # noqa: E402

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from ..calls.modes import is_transformed  # noqa: E402
from ..calls.setting import PADDING_MODES, X0_NAMES, Setting  # noqa: E402
from ..mathematics import checks  # noqa: E402
from ..mathematics.blockwise import is_single_pattern, pattern  # noqa: E402
from ..mathematics.frozen import Transfer  # noqa: E402
from ..mathematics.functional import converse2d  # noqa: E402
from ..mathematics.initial import INITS, bias_for, fill_kernel  # noqa: E402

LAMS = ("per_channel", "shared")


class Converse2D(nn.Module):
    """X* of Eq. (4) with one learnable kernel per channel: (B, C, H, W) -> (B, C, H s, W s).

    lam = sigmoid(b - 9) + eps, Eq. (9), with b zero at start. Parameters carry the names and shapes of the
    released state dicts: ``weight`` (1, C, kh, kw) and ``bias`` = b (1, C, 1, 1), or (1, 1, 1, 1) where
    lam is shared; with a fixed lam there is no ``bias``.

    Args:
        channels: C >= 1.
        kernel_size: taps, one integer or (rows, columns); even sizes are fine.
        scale: s >= 1.
        padding: added on each side, one integer or (rows, columns); None means kernel_size - 1 per axis.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        init: "uniform" U(0, 1), "gaussian" N(0, 1), "gaussian_softmax" (softmax over each channel's taps at
            initialisation only, the kernel is free afterwards), "softmax_always" (``weight`` holds logits and
            the softmax is applied in every forward), "delta" (the operator starts as the identity) or
            "sharpening" (twice the delta minus a softmax kernel).
        lam: "per_channel", "shared" (one learnable scalar), or a fixed positive number.
        lam_start: where a learnable lam starts, above eps and below 1; None: b = 0, that is 1.2e-4 + eps.
        x0: "zero", "nearest", "bilinear" or "bicubic".
        eps: the epsilon of Eq. (9), above 0.
        generator: source of the initial kernel; None uses torch's default one.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an unknown name or a number that is not allowed; the message says what is.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        *,
        scale: int = 1,
        padding: int | tuple[int, int] | None = None,
        padding_mode: str = "circular",
        init: str = "gaussian_softmax",
        lam: str | float = "per_channel",
        lam_start: float | None = None,
        x0: str = "nearest",
        eps: float = 1e-5,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = checks.integer("channels", channels, 1)
        self.kernel_size = checks.pair("kernel_size", kernel_size, 1)
        self.scale = checks.integer("scale", scale, 1)
        if padding is None:
            padding = (self.kernel_size[0] - 1, self.kernel_size[1] - 1)
        self.padding = checks.pair("padding", padding, 0)
        self.padding_mode = checks.choice("padding_mode", padding_mode, PADDING_MODES)
        self.init = checks.choice("init", init, INITS)
        learnable = isinstance(lam, str)
        self.lam_option: str | float = checks.choice("lam", lam, LAMS) if learnable else checks.positive("lam", lam)
        self.x0 = checks.choice("x0", x0, X0_NAMES)
        self.eps = checks.positive("eps", eps)
        if lam_start is not None and not learnable:
            raise ValueError(f"lam_start is for a learnable lam, not for the fixed {lam!r}")
        self._start = 0.0 if lam_start is None else bias_for(checks.positive("lam_start", lam_start), self.eps)
        options: dict[str, Any] = {"device": device, "dtype": checks.dtype(dtype)}
        self.weight = nn.Parameter(torch.empty(1, channels, *self.kernel_size, **options))
        self.bias: nn.Parameter | None = None
        if learnable:
            own = channels if lam == "per_channel" else 1
            self.bias = nn.Parameter(torch.empty(1, own, 1, 1, **options))
        self._frozen: Transfer | None = None
        self.reset_parameters(generator)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the kernel anew as ``init`` says and put b to its start."""
        self._frozen = None
        fill_kernel(self.weight, self.init, generator)
        if self.bias is not None:
            self.bias.fill_(self._start)

    @property
    def setting(self) -> Setting:
        """Scale, padding and prior as they are now."""
        return Setting(self.scale, self.padding, self.padding_mode, self.x0)

    @property
    def kernel(self) -> Tensor:
        """The kernel in use, (1, C, kh, kw): ``weight``, or its softmax with init "softmax_always"."""
        if self.init != "softmax_always":
            return self.weight
        return self.weight.flatten(2).softmax(2).view_as(self.weight)

    @property
    def lam(self) -> Tensor | float:
        """lam in use: the fixed number, or sigmoid(b - 9) + eps of Eq. (9) in at least float32."""
        if self.bias is None:
            if isinstance(self.lam_option, str):
                raise TypeError(f"bias: expected a tensor, since lam={self.lam_option!r} is learned from it, got None")
            return self.lam_option
        b = self.bias
        return torch.sigmoid(b.to(torch.promote_types(b.dtype, torch.float32)) - 9.0) + self.eps

    def forward(self, y: Tensor) -> Tensor:
        """Solve for every channel of ``y`` (B, C, H, W); see :func:`converse.mathematics.functional.converse2d`."""
        kernel, lam, frozen = self.kernel, self.lam, self._frozen
        if frozen is not None and not torch.compiler.is_compiling() and not is_transformed():
            learns = torch.is_grad_enabled() and any(t.requires_grad for t in (y, kernel, lam) if isinstance(t, Tensor))
            if not learns and frozen.serves(y, kernel[0], self._of_channels(lam), self.setting):
                return frozen.apply(y)
        return converse2d(
            y, kernel, lam, scale=self.scale, padding=self.padding, padding_mode=self.padding_mode, x0=self.x0
        )

    def _of_channels(self, lam: Tensor | float) -> Tensor:
        """``lam`` as one number per channel, (C,)."""
        if not isinstance(lam, Tensor):
            return torch.full((self.channels,), lam, dtype=torch.float64, device=self.weight.device)
        return lam.expand(1, self.channels, 1, 1).reshape(-1)

    @torch.no_grad()
    def freeze(self, size: tuple[int, int]) -> Converse2D:
        """Precompute the transfer function for inputs of ``size`` (H, W), for deployment.

        It is used for inputs of exactly this size, eagerly and without gradients, where :mod:`converse.native` does
        not serve (which makes its own in cache in half the time); every other call takes the normal path. Training
        mode, loading, moving or casting undo it. Kernel, lam and setting of every call are compared by value with
        those that it was computed from, whatever they are made of (parameters, the mask of a pruning, a
        parametrization and its buffers), so the result is never stale. Costs
        8 C s s (H + 2 p_h) ((W + 2 p_w) / 2 + 1) bytes in float32. A layer without FFT (kernel no larger than the
        scale) has nothing to precompute and is left as it is.

        Returns:
            The layer itself.

        Raises:
            ValueError: in training mode; x0 "bilinear" or "bicubic" (not one transfer function); a size that the
                layer cannot serve.
        """
        if self.training:
            raise ValueError("freeze: the layer is in training mode, call eval() first")
        if not self.setting.is_filter:
            raise ValueError(f"freeze: x0 {self.x0!r} is not one transfer function, use zero or nearest")
        size = checks.pair("size", size, 1)
        checks.sizes(size, self.kernel_size, self.setting)
        self._frozen = None
        if max(self.kernel_size) > self.scale:
            self._frozen = Transfer.of(self.kernel[0], self._of_channels(self.lam), size, self.setting)
        return self

    def unfreeze(self) -> Converse2D:
        """Undo :meth:`freeze` and return the layer."""
        self._frozen = None
        return self

    def to_conv_transpose(self) -> nn.ConvTranspose2d:
        """The plain depthwise ``nn.ConvTranspose2d`` that computes exactly this layer, with its present weights.

        It exists where kernel sizes are 1 or 2 and no larger than the scale and x0 is zero or nearest: then every
        output block depends on its own input sample alone and padding, which only adds samples that are cropped,
        is irrelevant (see :mod:`converse.mathematics.blockwise`).

        Returns:
            A layer with kernel and stride s, groups C and no bias, on the weight's device and in its dtype.

        Raises:
            ValueError: there is no such layer; the message says why.
        """
        if not is_single_pattern(self.kernel_size, self.setting):
            kh, kw = self.kernel_size
            if not self.setting.is_filter:
                why = f"x0 {self.x0!r} mixes neighbouring samples (allowed: zero, nearest)"
            elif max(kh, kw) > self.scale:
                why = f"kernel {kh}x{kw} exceeds the scale {self.scale}: its inverse has no finite support"
            else:
                why = f"taps of a {kh}x{kw} kernel reach into neighbouring blocks (allowed sizes: 1, 2)"
            raise ValueError(f"to_conv_transpose: no exact ConvTranspose2d exists, {why}")
        layer = nn.ConvTranspose2d(
            self.channels,
            self.channels,
            self.scale,
            stride=self.scale,
            groups=self.channels,
            bias=False,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        with torch.no_grad():
            lam = torch.as_tensor(self.lam, device=self.weight.device)
            g = pattern(self.kernel, lam, self.setting)
            layer.weight.copy_(g.transpose(0, 1))
        return layer.train(self.training)

    def train(self, mode: bool = True) -> Converse2D:
        """Set the mode; training undoes :meth:`freeze`."""
        if mode:
            self._frozen = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Converse2D:
        self._frozen = None
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self._frozen = None
        super()._load_from_state_dict(*args, **kwargs)

    def _replicate_for_data_parallel(self) -> Converse2D:
        replica = super()._replicate_for_data_parallel()
        replica._frozen = None
        return replica

    def extra_repr(self) -> str:
        """The constructor's arguments, as they were resolved."""
        lam = self.lam_option
        return (
            f"{self.channels}, {self.kernel_size}, scale={self.scale}, padding={self.padding}, "
            f"padding_mode={self.padding_mode!r}, init={self.init!r}, lam={lam!r}, x0={self.x0!r}, "
            f"eps={self.eps}"
        )
