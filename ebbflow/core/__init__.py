"""Values, graphs and tracing: what everything else is written in."""
