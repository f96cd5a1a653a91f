"""Networks in training: forward passes, LoRA and AdaLoRA, precision."""
