"""Finds the lines of a meeting that carry decisions, tasks, facts and open questions, in many languages."""
