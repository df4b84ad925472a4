"""The equations of Song et al. 2020, each as a function named after what it defines.

Norms of images and feature maps are means per number, so that the weights hold at any size; norms
of parameter vectors are sums, as written.  All are means over a batch.  What is fixed while R
learns is handed in as computed: the functions know no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

from mien.core import parameters

# Section 3.2.  Equation (7) sets no weight before L_ct.
WEIGHTS: Final = {"ct": 1.0, "id": 0.1, "pr": 0.1, "lp": 0.1, "adv": 0.1}
ALPHA: Final = 0.1  # of the identity in equation (10)
BETA: Final = 0.01  # of the action units in equation (10)
LAMBDA_LE: Final = 1.0  # of the base identity in equation (11)
# Of equation (3); the paper gives no value.  The three maps differ some 50 times as much as pixels.
LAMBDA: Final = 0.02

_POSE: Final = parameters.group("pose")
_AU: Final = parameters.group("au")
_IDENTITY: Final = parameters.group("identity")
_BROW: Final = parameters.group("brow")
_EXTENSION: Final = slice(parameters.PAPER_SIZE, parameters.SIZE)


def l_app(drawn: Tensor, rendered: Tensor) -> Tensor:
    """Equation (1): L_app = ||I - I'||_1 of images (B, 3, H, W) in 0..1."""
    return (drawn - rendered).abs().mean()


def l_per(drawn: Sequence[Tensor], rendered: Sequence[Tensor]) -> Tensor:
    """Equation (2): L_per = ||F(I') - F(I)||_2 of feature maps (B, C, H, W), summed over them."""
    off = [(a - b).square().mean((1, 2, 3)) for a, b in zip(drawn, rendered, strict=True)]
    # A root has no slope at 0, where two pictures are one.
    return torch.stack([(square + 1e-8).sqrt().mean() - 1e-4 for square in off]).sum()


def l_g(app: Tensor, per: Tensor) -> Tensor:
    """Equation (3): L_G = L_app + lambda L_per."""
    return app + LAMBDA * per


def l_total(terms: Mapping[str, Tensor], weights: Mapping[str, float] = WEIGHTS) -> Tensor:
    """Equation (7): L = L_ct + w_id L_id + w_pr L_pr + w_lp L_lp + w_adv L_adv, of the terms that
    are there."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


def l_ct(generated: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """Equation (8): L_ct = ||T_g - T_r||_1, summed over the components (B, C, H, W) of T."""
    return torch.stack([(generated[name] - real[name]).abs().mean() for name in real]).sum()


def l_id(emotionless: Tensor, real: Tensor) -> Tensor:
    """Equation (9): L_id = 1 - cos(m_gbe, m_r) of embeddings (B, 256)."""
    return 1 - F.cosine_similarity(emotionless, real).mean()


def l_pr(y: Tensor, beta: float = BETA) -> Tensor:
    """Equation (10): L_pr = ||h' - h_b||_2^2 + alpha ||x'_id - x_bid||_2^2
    + beta ||x'_au - x_bau||_2^2 of parameter vectors (B, 269) or (B, 285).

    Of the identity its 208 continuous numbers: no choice of a brow style is near the base's .5 for
    each.  What goes beyond the paper's 269 is sparse with the action units.
    """
    off = (y - base(y)).square().mean(0)
    units = off[_AU].sum() + off[_EXTENSION].sum()
    return off[_POSE].sum() + ALPHA * off[_IDENTITY].sum() + beta * units


def l_lp(
    emotionless: Tensor, said_emotionless: Tensor, nobody: Tensor, said_nobody: Tensor
) -> Tensor:
    """Equation (11): L_lp = ||y_gbe - y'_gbe||_1 + lambda_le ||y_gbi - y'_gbi||_1.

    ``emotionless`` is y_gbe, the base AU with the predicted identity; ``nobody`` is y_gbi, the
    predicted AU with the base identity; each (B, 269) or (B, 285), beside what R says of its
    image.  Both are the truth that R has to find again, and let no gradient through; the brow
    style of "none" is drawn as the first, so that is to be found.
    """
    nobody = nobody.detach().clone()
    nobody[:, _BROW] = F.one_hot(nobody[:, _BROW].argmax(1), nobody[:, _BROW].shape[1]).to(nobody)
    first = (emotionless.detach() - said_emotionless).abs().sum(1).mean()
    return first + LAMBDA_LE * (nobody - said_nobody).abs().sum(1).mean()


def l_adv(emotionless_mouth: Tensor, base_mouth: Tensor) -> Tensor:
    """Equation (12): L_adv = ||T_gbem - T_bm||_1: the mouth (B, C, H, W) in T of the emotionless
    face against the one (1 or B, C, H, W) of the base face.

    As the paper writes both, the first keeps the predicted pose and the second looks ahead, so that
    this draws heads to the front as well.
    """
    return (emotionless_mouth - base_mouth).abs().mean()


def base(y: Tensor) -> Tensor:
    """The base face's parameters in the layout of vectors (B, 269) or (B, 285)."""
    layout = "full" if y.shape[1] == parameters.SIZE else "paper"
    return torch.from_numpy(parameters.neutral(layout)).to(y).expand_as(y)


def emotionless(y: Tensor) -> Tensor:
    """y_gbe: vectors (B, 269) or (B, 285) with the base AU, and looking straight ahead."""
    out = y.clone()
    for part in (_AU, _EXTENSION):
        out[:, part] = base(y)[:, part]
    return out


def nobody(y: Tensor) -> Tensor:
    """y_gbi: vectors (B, 269) or (B, 285) with the base identity."""
    out = y.clone()
    out[:, parameters.IDENTITY] = base(y)[:, parameters.IDENTITY]
    return out
