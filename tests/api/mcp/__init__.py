"""Tests of the tools for assistants, by the SDK's client."""
