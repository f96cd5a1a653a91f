"""Compares training with a plain script of transformers and peft."""
