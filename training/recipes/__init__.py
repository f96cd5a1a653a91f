"""Recipes: one readable script for each kind of training. `training/runs/task.py` says what a recipe is."""
