"""Training beside a plain script of transformers and peft."""
