"""Non-blind deblurring networks (Table 7): RGB in [0, 1] and the blur kernel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..assembly.blocks import MakeOperator
from ..mathematics.functional import converse2d
from .conversenet import Prior

MODELS = {
    "conv_usrnet": {
        "label": "Conv-USRNet",
        "label_with": "{operator}-USRNet (image data step)",
        "task": "deblurring",
        "class": "ImageUSRNet",
        "inputs": ["image", "kernel"],
        "image_channels": 3,
        "scale": 1,
        "slot": "operator",
        "defaults": {
            "operator": "conv",
            "channels": 64,
            "blocks": 7,
            "iterations": 5,
            "kernel_size": 3,
            "padding_mode": "circular",
        },
        "operator_defaults": {
            "padding": None,
            "init": "gaussian_softmax",
            "lam": "per_channel",
            "x0": "nearest",
            "eps": 1e-5,
        },
        "summary": "five data steps on the RGB image with the true kernel, prior of 7 conv blocks",
    },
    "converse_usrnet": {
        "like": "conv_usrnet",
        "label": "Converse-USRNet",
        "label_with": "{operator}-USRNet (feature data step)",
        "class": "FeatureUSRNet",
        "defaults": {"operator": "converse2d", "kernel_start": None},
        "choices": {"kernel_start": [None, "delta"]},
        "parameters": 307987,
        "summary": "five data steps on 64 feature maps, kernels predicted by KernelNet, one prior",
    },
}


def per_sample(kernel: Tensor, image: Tensor) -> Tensor:
    """The blur kernel as (B, 1, k_h, k_w) in the image's dtype and device.

    Args:
        kernel: (k_h, k_w), (1, 1, k_h, k_w) or (B, 1, k_h, k_w); not normalised here.
        image: (B, 3, H, W).

    Raises:
        TypeError: not a tensor.
        ValueError: any other shape.
    """
    if not isinstance(kernel, Tensor):
        raise TypeError(f"kernel: expected a tensor, got {type(kernel).__name__}")
    batch = image.shape[0]
    shaped = kernel[None, None] if kernel.ndim == 2 else kernel
    if shaped.ndim != 4 or shaped.shape[1] != 1 or shaped.shape[0] not in (1, batch):
        raise ValueError(f"kernel: expected (kh, kw) or (1 or {batch}, 1, kh, kw), got {tuple(kernel.shape)}")
    return shaped.to(image).expand(batch, -1, -1, -1)


class DataStep(nn.Module):
    """Converse2D with a kernel per sample and λ = sigmoid(alpha − 9) + 1e-3 (Eq. 9), no padding.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.eps = 1e-3

    def forward(self, y: Tensor, kernel: Tensor, x0: Tensor | None = None) -> Tensor:
        """y (B, C, H, W), kernel (B, C, k_h, k_w), x0 like y or None for y itself → like y."""
        lam = torch.sigmoid(self.alpha - 9) + self.eps
        return converse2d(y, kernel, lam, x0="nearest" if x0 is None else x0)


class KernelNet(nn.Module):
    """A 7×7 blur kernel → 16 feature kernels of 7×7, by three linear layers."""

    size, features = 7, 16

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(self.size**2, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, self.features * self.size**2)
        self.act = nn.GELU()

    def forward(self, kernel: Tensor) -> Tensor:
        """(B, 1, 7, 7) → (B, 16, 7, 7).

        Raises:
            ValueError: a kernel of another size (pad it with zeros around its centre).
        """
        if tuple(kernel.shape[-2:]) != (self.size, self.size):
            raise ValueError(f"kernel: this network takes 7x7, got {tuple(kernel.shape[-2:])}")
        hidden = self.act(self.fc2(self.act(self.fc1(kernel.flatten(1)))))
        return self.fc3(hidden).view(-1, self.features, self.size, self.size)


class FeatureUSRNet(nn.Module):
    """Converse-USRNet: data steps on feature maps, each with its own predicted kernels.

    Args:
        channels: width of the feature maps.
        blocks: blocks of the prior, whose weights the iterations share.
        iterations: pairs of data step and prior.
        spatial: builds the spatial operator of a block.
        kernel_start: the predicted kernels of an untrained network, which the paper does not state: None, as torch
            draws its layers (box-like, of either sign: a data step then scrambles the phases), or "delta", so that a
            data step starts close to the identity.
    """

    def __init__(
        self, channels: int, blocks: int, iterations: int, spatial: MakeOperator, kernel_start: str | None = None
    ) -> None:
        super().__init__()
        self.d = DataStep(channels)
        self.p = Prior(channels, blocks, spatial, alpha=True)
        self.conv1 = nn.Conv2d(3, channels, 1)
        self.conv2 = nn.Conv2d(channels, 3, 1)
        self.kernelnet = KernelNet()
        layers = [nn.Conv2d(KernelNet.features, channels, 1) for _ in range(iterations)]
        self.convs = nn.ModuleList(layers)
        if kernel_start == "delta":
            self._start_at_delta(layers)

    @torch.no_grad()
    def _start_at_delta(self, layers: Sequence[nn.Conv2d]) -> None:
        """Every feature starts at a delta, which ``layers`` average; a tenth of torch's draw parts the channels."""
        features, size = KernelNet.features, KernelNet.size
        delta = torch.zeros(features, size, size)
        delta[:, size // 2, size // 2] = 1
        self.kernelnet.fc3.bias.copy_(delta.flatten())
        for layer in layers:
            layer.weight.mul_(0.1).add_(1 / features)
            layer.bias.zero_()  # type: ignore[union-attr]

    def forward(self, image: Tensor, kernel: Tensor) -> Tensor:
        """Blurred image (B, 3, H, W) and its kernel (:func:`per_sample`) → like the image."""
        features = self.kernelnet(per_sample(kernel, image))
        x = self.conv1(image)
        for conv in self.convs:
            x = self.p(self.d(x, conv(features)))
        return self.conv2(x)


class ImagePrior(nn.Module):
    """3 → C → 3 stack of blocks for :class:`ImageUSRNet`.

    Args:
        channels: C.
        blocks: depth.
        spatial: builds the spatial operator of a block.
    """

    def __init__(self, channels: int, blocks: int, spatial: MakeOperator) -> None:
        super().__init__()
        self.m_head = nn.Conv2d(3, channels, 1)
        self.m_body = Prior(channels, blocks, spatial, alpha=True).m_body
        self.m_tail = nn.Conv2d(channels, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) → the same shape."""
        return self.m_tail(self.m_body(self.m_head(image)))


class ImageUSRNet(nn.Module):
    """Conv-USRNet: z = image, then ``iterations`` × (x = data step towards z, z = prior(x)).

    The data step solves min ‖image − x⊗kernel‖² + λ‖x − z‖² for each colour with the true kernel.
    Prior, iterations and λ are unstated in the paper; ours are those of Converse-USRNet.

    Args:
        channels: width of the prior.
        blocks: blocks of the prior, whose weights the iterations share.
        iterations: pairs of data step and prior.
        spatial: builds the spatial operator of a block.
    """

    def __init__(self, channels: int, blocks: int, iterations: int, spatial: MakeOperator) -> None:
        super().__init__()
        self.iterations = iterations
        self.d = DataStep(3)
        self.p = ImagePrior(channels, blocks, spatial)

    def forward(self, image: Tensor, kernel: Tensor) -> Tensor:
        """Blurred image (B, 3, H, W) and its kernel (:func:`per_sample`) → like the image."""
        kernels = per_sample(kernel, image).expand(-1, image.shape[1], -1, -1)
        z = image
        for _ in range(self.iterations):
            z = self.p(self.d(image, kernels, z))
        return z
