"""Tests that need other libraries; they are skipped, saying so, where those are missing."""
