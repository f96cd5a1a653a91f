"""Self-distillation of Whisper: the model with its full context teaches the same model with a short one."""
