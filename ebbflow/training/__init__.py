"""Models, and everything that happens when one is trained, measured, used and saved."""
