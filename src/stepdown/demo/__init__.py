"""The demo: two real models on this machine, behind the real gateway, asked real prompts."""
