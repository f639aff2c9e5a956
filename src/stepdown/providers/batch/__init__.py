"""Providers' batch APIs (``batch_ports.BatchAPI``): OpenAI's, Anthropic's, and a simulated one."""
