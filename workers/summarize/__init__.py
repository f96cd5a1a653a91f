"""Minutes from transcripts: notes per window, a bounded rolling merge, final minutes with evidence."""
