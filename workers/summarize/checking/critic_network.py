"""The critic's network: how each piece bears on a claim, what the pieces say together, and which of them take it back.

Legend: B claims, T pieces.
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
from workers.summarize.checking.critic_features import CLAIM_FACTS, PIECE_FACTS
from workers.summarize.text.embedding import EMBEDDING

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class CriticShape:
    narrow: int = 64
    hidden: int = 96
    reach: int = 2
    """A convolution sees so many pieces before and after each piece. There are two."""
    heads: int = 4
    dropout: float = 0.3


class CriticNet(nn.Module):
    """Convolutions let neighbouring pieces bear on each other, as an answer does on a proposal. Attention picks."""

    def __init__(self, shape: CriticShape) -> None:
        super().__init__()
        self.shape = shape
        narrow, hidden, drop = shape.narrow, shape.hidden, shape.dropout
        self.narrow = nn.Sequential(nn.Dropout(drop), nn.Linear(EMBEDDING, narrow), nn.GELU())
        self.bears = nn.Sequential(nn.Linear(4 * narrow + PIECE_FACTS, hidden), nn.GELU(), nn.Dropout(drop))
        width = 2 * shape.reach + 1
        self.around = nn.ModuleList(nn.Conv1d(hidden, hidden, width, padding=shape.reach) for _ in range(2))
        self.attend = nn.Linear(hidden, shape.heads)
        self.takes_back = nn.Linear(hidden, 1)
        joined = shape.heads * hidden + CLAIM_FACTS
        self.out = nn.Sequential(
            nn.Dropout(drop), nn.Linear(joined, hidden), nn.GELU(), nn.Dropout(drop), nn.Linear(hidden, 1)
        )

    def forward(
        self,
        pieces: torch.Tensor,
        facts: torch.Tensor,
        claim: torch.Tensor,
        claim_facts: torch.Tensor,
        lengths: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits that the claim is true (B,), and that each piece takes it back (B, T).

        *pieces* are (B, T, EMBEDDING), *facts* (B, T, PIECE_FACTS), *claim* (B, EMBEDDING), *claim_facts*
        (B, CLAIM_FACTS), *lengths* (B,) the pieces of each claim, at least 1.
        """
        seen = torch.arange(facts.shape[1])[None] < lengths[:, None]
        heard, told = self.narrow(pieces), self.narrow(claim)[:, None]
        both = torch.cat([heard, told.expand_as(heard), heard * told, (heard - told).abs(), facts], dim=-1)
        states = self.bears(both) * seen[..., None]
        for convolution in self.around:
            near = nn.functional.gelu(convolution(states.transpose(1, 2)).transpose(1, 2))
            states = (states + near) * seen[..., None]
        weights = self.attend(states).masked_fill(~seen[..., None], -torch.inf).softmax(dim=1)
        pooled = torch.einsum("bth,btd->bhd", weights, states).flatten(1)
        logits: torch.Tensor = self.out(torch.cat([pooled, claim_facts], dim=-1))
        back: torch.Tensor = self.takes_back(states)
        return logits[:, 0], back[..., 0].masked_fill(~seen, -torch.inf)

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(asdict(self.shape), indent=2) + "\n")
        halves = {name: weights.detach().to(torch.float16).contiguous() for name, weights in self.state_dict().items()}
        save_file(halves, folder / WEIGHTS)


def load_critic_network(folder: Path) -> CriticNet:
    """The network in *folder*, ready to use. Raises BrokenModel."""
    try:
        net = CriticNet(CriticShape(**json.loads((folder / CONFIG).read_text())))
        net.load_state_dict({name: weights.float() for name, weights in load_file(folder / WEIGHTS).items()})
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise BrokenModel(f"The critic in {folder} cannot be loaded: {error}. Install Minutebook again.") from error
    return net.eval()
