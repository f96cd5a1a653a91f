"""Recipes: one readable script for each kind of training. `training/runs/task.py` defines what a recipe is."""
