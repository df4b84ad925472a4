"""G: the renderer as a network, so that a gradient can pass from a picture to its parameters.

After section 2.2 of Song et al. 2020: eight transposed convolutions in the manner of DCGAN, with
instance normalisation.  It draws the face as capture crops it, aligned by five landmarks.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from mien.core import parameters
from mien.core.errors import UserError

LAYERS: Final = 8
SIZES: Final = (32, 64, 128, 256, 512)  # px that eight layers reach from one pixel
_MOST: Final = 8  # times ``width``: the channels of the coarse layers


class Generator(nn.Module):
    """Aligned faces (B, 3, size, size) in 0..1 of parameter vectors (B, 285), or (B, 269) with the
    layout ``"paper"``.

    The first layer makes 4 x 4 pixels of one, the next ones double the side until ``size`` is
    reached, and what is left of the eight keeps it: at 512 px, the paper's, all of them double.
    ``width`` is the channels before the last layer; they double towards the coarse end, to at most
    eight times as many.
    """

    def __init__(self, size: int = 256, width: int = 64, layout: str = "full") -> None:
        super().__init__()
        if size not in SIZES:
            raise UserError(f"G draws {', '.join(map(str, SIZES))} px, not {size}: choose --size.")
        self.config = {"size": size, "width": width, "layout": layout}
        doublings = SIZES.index(size) + 3
        widths = [width * min(_MOST, 2 ** max(0, doublings - i)) for i in range(LAYERS - 1)]
        layers: list[nn.Module] = []
        inside = parameters.size(layout)
        for i, outside in enumerate([*widths, 3]):
            kernel, stride, edge = (
                (4, 1, 0) if i == 0 else (4, 2, 1) if i <= doublings else (3, 1, 1)
            )
            last = i == LAYERS - 1
            layers.append(nn.ConvTranspose2d(inside, outside, kernel, stride, edge, bias=last))
            if not last:
                layers += [nn.InstanceNorm2d(outside, affine=True), nn.ReLU(inplace=True)]
            inside = outside
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0, 0.02)  # as DCGAN begins

    def forward(self, y: Tensor) -> Tensor:
        # Not centred on the neutral face: instance normalisation would blow up what is near 0.
        drawn: Tensor = self.layers((2 * y - 1)[:, :, None, None])
        return drawn.float().sigmoid()
