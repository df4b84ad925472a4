"""The networks of capture, as ones that can be taught on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from mien.core.models import WEIGHTS, read_manifest
from mien.core.models import read_network as read_shipped
from mien.training import networks
from mien.training.bisenet import BiSeNet, load_bisenet
from mien.training.checkpoint import Network, read_network
from mien.training.lightcnn import LightCNN, load_lightcnn


def give_weights(name: str, network: nn.Module, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Gives a network the weights of ``folder/NAME.onnx``; what the manifest tells of its training.

    What only lessons need is not in there and stays as it was.  Export folds batch normalisations
    into the convolutions before them: these get their weights, and the normalisations only add the
    bias, until :func:`settle` shows them what comes.
    UserError where there is no such file, or not the one of the manifest.
    """
    manifest = read_manifest(folder)
    graph = onnx.load_from_string(read_shipped(name, manifest, folder)).graph
    stored = {x.name: torch.tensor(onnx.numpy_helper.to_array(x)) for x in graph.initializer}
    state = network.state_dict()
    network.load_state_dict(state | {k: v for k, v in stored.items() if k in state})
    folded = [
        [stored[key] for key in node.input[1:]]
        for node in graph.node
        if node.op_type == "Conv" and node.input[1] not in state
    ]
    for (convolution, norm), (weight, bias) in zip(_folding(name, network), folded, strict=True):
        convolution.weight.data.copy_(weight)
        _expect(norm, torch.zeros_like(bias), torch.ones_like(bias), bias)
    training: dict[str, Any] = manifest[f"{name}.onnx"]["training"]
    return training


def parser_of(checkpoint: Path | None) -> BiSeNet:
    """F_seg of a checkpoint, as of :func:`load_bisenet`, or the one that capture runs."""
    if checkpoint is not None:
        return load_bisenet(checkpoint)
    return _shipped("parser", partial(BiSeNet, fine=True))


def recognizer_of(checkpoint: Path | None) -> LightCNN:
    """F_reg of a checkpoint, as of :func:`load_lightcnn`, or the one that capture runs."""
    return _shipped("recognizer", LightCNN) if checkpoint is None else load_lightcnn(checkpoint)


def landmarks_of(checkpoint: Path | None) -> networks.Landmarks:
    """The landmark network of a checkpoint, or the one that capture runs; ready to judge."""
    if checkpoint is not None:
        return read_network(checkpoint, networks.Landmarks)
    network = networks.Landmarks()
    give_weights("landmarks", network)
    return network.eval()


def _shipped(name: str, kind: Callable[[float], Network]) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # what only lessons need is not shipped, and yet part of its digest
        network = kind(shipped_width(name))
    give_weights(name, network)
    return network.eval()


def shipped_width(name: str, folder: Path = WEIGHTS) -> float:
    """That with which the network of a folder, what ships, was last taught."""
    training = read_manifest(folder)[f"{name}.onnx"]["training"]
    return float([training, *training.get("tuned", [])][-1]["width"])


def settle(network: nn.Module, run: Callable[[], object]) -> None:
    """Shows batch normalisations what comes while ``run`` runs the network.

    It goes on saying what it says; but in lessons, in which normalisations go by the batch, it then
    says about the same.
    """

    def look(norm: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
        x = inputs[0]
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        _expect(norm, mean, variance, norm.bias + mean - norm.running_mean)

    _run_hooked(network, (nn.BatchNorm2d,), look, run)


def _expect(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, bias: Tensor) -> None:
    """Makes it x - mean + bias."""
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.data.copy_(mean)
    norm.running_var.data.copy_(variance)
    norm.weight.data.copy_((variance + norm.eps).sqrt())
    norm.bias.data.copy_(bias)


def _folding(name: str, network: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions that a normalisation follows, with it, in the order of the graph."""
    order: list[nn.Module] = []
    given = networks.example(name).values()
    kinds = (nn.Conv2d, nn.BatchNorm2d)
    _run_hooked(network, kinds, lambda m, *_: order.append(m), lambda: network(*given))
    return [
        (conv, norm)
        for conv, norm in pairwise(order)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    ]


def _run_hooked(
    network: nn.Module,
    kinds: tuple[type[nn.Module], ...],
    hook: Callable[[Any, tuple[Tensor, ...], Tensor], None],
    run: Callable[[], object],
) -> None:
    """Runs in eval mode and calls the hook after every module of these kinds."""
    taught = network.training
    network.eval()
    hooks = [m.register_forward_hook(hook) for m in network.modules() if isinstance(m, kinds)]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in hooks:
            handle.remove()
        network.train(taught)
