"""Writers that are asked in a chat: prompts, structured answers, and the models that answer."""
