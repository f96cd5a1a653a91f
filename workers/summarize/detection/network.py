"""The detector's network: a recurrent layer in both directions over the lines, and a probability for each kind.

Legend: B pieces of meetings, T lines.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from schema.core.errors import BrokenModel
from schema.minutes.ledger import ItemKind
from workers.summarize.detection.features import FACTS, WIDTH
from workers.summarize.detection.line_encoder import STATES
from workers.summarize.detection.scaling import StateScaling
from workers.summarize.text.embedding import EMBEDDING

KINDS = (ItemKind.DECISION, ItemKind.ACTION, ItemKind.POINT, ItemKind.QUESTION)
OUTPUTS = 2 * len(KINDS) + 1
"""For each kind: the line carries an item, and it is the main line of one. Last: minutes that say it would mislead."""
MISLEADS = OUTPUTS - 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class DetectorShape:
    hidden: int = 160
    layers: int = 2
    dropout: float = 0.3


class DetectorNet(nn.Module):
    def __init__(self, shape: DetectorShape) -> None:
        super().__init__()
        self.shape = shape
        drop, hidden = shape.dropout, shape.hidden
        self.scaling = StateScaling()
        self.narrow = nn.Sequential(nn.Dropout(drop), nn.Linear(WIDTH, hidden), nn.GELU(), nn.Dropout(drop))
        self.around = nn.GRU(hidden, hidden, shape.layers, batch_first=True, dropout=drop, bidirectional=True)
        self.out = nn.Sequential(nn.Dropout(drop), nn.Linear(3 * hidden, OUTPUTS))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (B, T, OUTPUTS) of *features* (B, T, WIDTH)."""
        states = self.scaling(features[..., EMBEDDING : EMBEDDING + STATES])
        narrow = self.narrow(torch.cat([features[..., :EMBEDDING], states, features[..., -FACTS:]], dim=-1))
        around, _ = self.around(narrow)
        logits: torch.Tensor = self.out(torch.cat([around, narrow], dim=-1))
        return logits

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(asdict(self.shape), indent=2) + "\n")
        halves = {name: weights.detach().to(torch.float16).contiguous() for name, weights in self.state_dict().items()}
        save_file(halves, folder / WEIGHTS)


def load_network(folder: Path) -> DetectorNet:
    """The network in *folder*, ready to use. Raises BrokenModel."""
    try:
        net = DetectorNet(DetectorShape(**json.loads((folder / CONFIG).read_text())))
        net.load_state_dict({name: weights.float() for name, weights in load_file(folder / WEIGHTS).items()})
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise BrokenModel(f"The detector in {folder} cannot be loaded: {error}. Install Minutebook again.") from error
    return net.eval()
