"""Compares Minutebook's training with a plain script that uses transformers and peft."""
