"""A meeting as a file: Markdown, JSON, text, DOCX, SRT, WebVTT."""
