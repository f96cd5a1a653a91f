"""Recipes: one readable script for each kind of training. `training/task.py` says what a recipe is."""
