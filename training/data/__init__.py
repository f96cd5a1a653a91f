"""Data to train and measure on: manifests, folders and known corpora, checked as they are read.

train = load("recordings/", "train", needs=("audio", "text"))
test = load("librispeech:/data/LibriSpeech", "test-clean", needs=("audio", "text"))
refuse_overlap(train, test)
for batch in batches(train.lengths, batch_size=16, seed=1, epoch=0):
    examples = [train[position] for position in batch]
"""

from training.data.audio import read_audio
from training.data.checks import ExampleLimits
from training.data.dataset import Dataset, batches
from training.data.sources import load
from training.data.training_fingerprints import refuse_overlap

__all__ = ["Dataset", "ExampleLimits", "batches", "load", "read_audio", "refuse_overlap"]
