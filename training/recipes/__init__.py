"""Recipes: one readable script for each kind of training."""
