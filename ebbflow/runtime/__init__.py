"""What stands around native code while it runs: the machine-code cache, aligned memory, worker threads."""
